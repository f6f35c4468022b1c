extends Node
# The actor of the transcripts (see tests/transcripts/README.md), for both engines.

const Connection = preload("../addons/victoryvault/connection.gd")
const JsonText = preload("../addons/victoryvault/json_text.gd")

# Frames after which what follows at once has happened.
const SETTLING = 3

var control_url
# Of the connection, where it is to be another one than that of the control line.
var engine = null
var _connection = null
var _control
var _engine
var _events = []
var _named = {}
var _ears = []
var _listened = []
var _tokens = []
var _until = null
var _frames_left = 0


# The client's clock and its random numbers.
class Standing:
	var at = 0
	var number = 0.0

	func ticks():
		return at

	func randf():
		return number


# What is told of one call, subscription or iteration.
class Ear:
	var actor
	var about
	var of
	var wanted = 0
	var is_ready = false

	func done(call):
		if call.error:
			var error = call.error
			actor.tell(
				"error", {"as": about, "code": error.code, "kind": error.kind, "data": error.data}
			)
		else:
			actor.tell("result", {"as": about, "result": call.result})

	func ready(subscription):
		if is_ready:
			return
		is_ready = true
		if subscription.error:
			var error = subscription.error
			actor.tell("failed", {"as": about, "code": error.code, "kind": error.kind})
		else:
			actor.tell("ready", {"as": about})

	func changed(changes):
		actor.tell("changes", {"as": about, "changes": changes})

	func came():
		while wanted > 0:
			var change = of.take()
			if change:
				wanted -= 1
				actor.tell("change", {"as": about, "change": change})
			elif of.is_over:
				wanted = 0
				actor.tell("ended", {"as": about, "kind": of.error.kind if of.error else null})
			else:
				return


var _standing = Standing.new()


func _ready():
	OS.low_processor_usage_mode_sleep_usec = 500
	_engine = load(
		"res://addons/victoryvault/godot%d/engine.gd" % Engine.get_version_info()["major"]
	)
	_control = _engine.new_socket()
	_control.open(control_url, [])


func _process(_delta):
	# A frame later, so that the connection has heard what was said before a command was given.
	var events = _events
	_events = _control.poll()
	for event in events:
		callv(event[0], event[1])
	if _until != null:
		_step()


# Connects a signal to a method, which each engine writes in its own way.
func listen_to(_object, _told, _target, _method):
	pass


func entered():
	pass


func received(text):
	var command = _engine.parse(text)
	call("_" + command["do"], command)
	if not command["do"] in ["forward", "sleep"]:
		tell("did")


func lost(_code, _why):
	get_tree().quit()


func tell(event, members = {}):
	var told = members.duplicate()
	told["event"] = event
	_control.send(JsonText.of(told))


func _step():
	var number = _connection._clock.next()
	if number and _connection._clock.due(number) <= _until:
		_standing.at = max(_standing.at, _connection._clock.due(number))
	elif _standing.at < _until:
		_standing.at = _until
		_frames_left = SETTLING
	elif _frames_left > 0:
		_frames_left -= 1
	else:
		_until = null
		tell("did")


func _new(command):
	if _connection:
		_connection.free()
	_connection = Connection.new()
	if engine:
		_connection._engine = engine
	_named = {}
	_ears = []
	_listened = []
	_tokens = command.get("tokens", [])
	if command.has("random"):
		_stand_still()
	_standing.number = command.get("random", 0.02)  # comes back soon, where the line breaks often
	_connection._clock.random = _standing
	_connection.url = command["url"]
	for option in ["timeout_ms", "silence_ms", "answer_ms"]:
		_connection.set(option, command.get(option, _connection.get(option)))
	listen_to(_connection, "state_changed", self, "_on_state_changed")
	listen_to(_connection, "token_changed", self, "_on_token_changed")
	listen_to(_connection, "notified", self, "_on_notified")
	if command.has("tokens"):
		listen_to(_connection, "token_wanted", self, "_on_token_wanted")
	get_parent().add_child(_connection)


func _stand_still():
	_connection._clock.source = _standing
	_connection._clock.read()


# The game stands still until it is told something.
func _sleep(_command):
	tell("did")
	while _events.size() == 0:
		OS.delay_msec(1)
		_events = _control.poll()


func _open(_command):
	_connection.open()


func _close(_command):
	_connection.close()


func _listen(command):
	_listened.append(command["to"])


func _call(command):
	var options = {}
	if command.has("timeout_ms"):
		options["timeout_ms"] = command["timeout_ms"]
	var made = _connection.make_call(command["method"], command.get("params", {}), options)
	_hear(command["as"], made, ["done"])


func _cancel(command):
	_named[command["as"]].of.cancel()


func _subscribe(command):
	var resource = command["resource"]
	var stored = command.get("stored", {})
	var subscription = _connection.subscribe(resource, command.get("query", {}), stored)
	_hear(command["as"], subscription, ["ready", "changed"])


func _unsubscribe(command):
	_named[command["as"]].of.close()


func _iterate(command):
	_hear(command["as"], _named[command["of"]].of.follow(), ["came"])


func _next(command):
	_named[command["as"]].wanted += 1
	_named[command["as"]].came()


func _forward(command):
	_until = _standing.at + command["ms"]
	_frames_left = SETTLING


func _look(command):
	if not command.has("as"):
		var reason = _connection.reason
		var seen = {"state": _connection.state}
		seen["code"] = reason.code if reason else null
		seen["kind"] = reason.kind if reason else null
		tell("connection", seen)
		return
	var subscription = _named[command["as"]].of
	var error = subscription.error
	var looked = {"as": command["as"], "rows": subscription.rows.values()}
	looked["position"] = subscription.position if subscription.position else null
	looked["is_live"] = subscription.is_live
	looked["error"] = error.kind if error else null
	tell("rows", looked)


func _hear(about, of, signals):
	var ear = Ear.new()
	ear.actor = self
	ear.about = about
	ear.of = of
	_named[about] = ear
	_ears.append(ear)
	for each in signals:
		listen_to(of, each, ear, each)


func _on_state_changed(state):
	tell("state", {"state": state})


func _on_token_changed(token):
	tell("token", {"token": token})


func _on_token_wanted():
	tell("asked")
	var token = _tokens.pop_front()
	if typeof(token) == TYPE_DICTIONARY:
		_connection.give_token("", token["fail"])
	else:
		_connection.give_token(token)


func _on_notified(method, params):
	if method in _listened:
		tell("notification", {"method": method, "params": params})
