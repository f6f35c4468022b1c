# The calls of a connection that have no reply yet: waiting for the line, or sent.

const CallError = preload("call_error.gd")
const WRITES = preload("methods.gd").WRITES

const MAX_WAITING = 100
const TOO_BIG = 1009
const KEY_BYTES = 16
# JSON's numbers are exact up to here.
const MAX_WHOLE = 9007199254740992

# Whether calls are sent as they come; else they wait.
var is_open = false

var _line
var _clock
var _last = 0
# By id, in the order in which they were made.
var _calls = {}


func _init(line, clock):
	_line = line
	_clock = clock


# An `early` one is sent though calls wait, and is not repeated.
func begin(call, early = false):
	var writes = WRITES.get(call.method, null)
	if writes and not call.params.has("retry_key"):
		call.params = call.params.duplicate()
		call.params["retry_key"] = Crypto.new().generate_random_bytes(KEY_BYTES).hex_encode()
	var is_safe = writes != null and not writes or call.params.get("retry_key") != null
	call.is_repeatable = is_safe and not early
	var refusal = _refusal(call, early)
	if refusal:
		_clock.after(0, call, "finish", [refusal])
		return
	_last += 1
	call.id = _last
	call.calls = self
	call.alarm = _clock.after(call.timeout_ms, self, "_late", [call])
	_calls[call.id] = call
	if is_open or early:
		_send(call)


func cancel(call):
	_stop(call, CallError.new(499, "cancelled", "%s was cancelled." % call.method))


func answer(message):
	var id = message.get("id")
	if typeof(id) != typeof(0.0) or not _calls.has(int(id)):
		return
	var call = _calls[int(id)]
	var said = message.get("error")
	if said:
		var data = said.get("data", {})
		_whole_versions(data)
		_end(call, CallError.new(said.code, data.get("kind", "unknown"), said.message, data))
	else:
		_whole_versions(message.get("result"))
		_end(call, null, message.get("result"))


# The line is there: what waits is sent.
func open():
	is_open = true
	for call in _calls.values():
		if not call.is_sent:
			_send(call)


# The line is gone: what may be repeated waits for the next one.
func interrupt(code):
	is_open = false
	for call in _calls.values():
		if not call.is_sent:
			continue
		call.is_sent = false
		if not call.is_repeatable or code == TOO_BIG:
			var what = "The connection was lost during %s; nobody knows whether it was done."
			_end(call, CallError.new(code, "connection_lost", what % call.method))


func fail(reason):
	for call in _calls.values():
		_end(call, CallError.new(reason.code, reason.kind, reason.message, reason.data))


func _refusal(call, early):
	if not is_open and not early and _waiting() >= MAX_WAITING:
		var what = "%d calls wait for the connection already." % MAX_WAITING
		return CallError.new(429, "queue_full", what)
	var path = _unfit(call.params)
	if path != "":
		var what = "JSON has no such number as %s: beyond 2^53 send a string."
		return CallError.new(-32602, "invalid_params", what % path, {"path": path})
	return null


func _late(call):
	var what = "%s had no answer within %d ms." % [call.method, call.timeout_ms]
	_stop(call, CallError.new(504, "timeout", what))


func _stop(call, error):
	if call.is_sent:
		_line.send({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": call.id}})
	_end(call, error)


func _end(call, error, result = null):
	if not _calls.erase(call.id):
		return
	_clock.stop(call.alarm)
	if error and call.params.get("retry_key") != null and not error.data.has("retry_key"):
		error.data["retry_key"] = call.params["retry_key"]
	call.finish(error, result)


func _waiting():
	var count = 0
	for call in _calls.values():
		count += 0 if call.is_sent else 1
	return count


func _send(call):
	call.is_sent = true
	_line.send({"jsonrpc": "2.0", "method": call.method, "params": call.params, "id": call.id})


# Godot reads each number as a float; a row's version is none, wherever it stands in a reply.
static func _whole_versions(result):
	if typeof(result) != TYPE_DICTIONARY:
		return
	for value in result.values():
		for row in value if typeof(value) == TYPE_ARRAY else [value]:
			if typeof(row) == TYPE_DICTIONARY and typeof(row.get("version")) == typeof(0.0):
				row["version"] = int(row["version"])


# Where there is a number that would arrive as another one, or not at all; "" where all is well.
static func _unfit(value, path = ""):
	if typeof(value) == TYPE_INT:
		return path if value > MAX_WHOLE or value < -MAX_WHOLE else ""
	if typeof(value) == typeof(0.0):
		return path if is_nan(value) or is_inf(value) else ""
	var inner = []
	if typeof(value) == TYPE_DICTIONARY:
		inner = value.keys()
	elif typeof(value) == TYPE_ARRAY:
		inner = range(value.size())
	for name in inner:
		var found = _unfit(value[name], "%s.%s" % [path, name] if path else str(name))
		if found != "":
			return found
	return ""
