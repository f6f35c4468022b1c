class_name VictoryVaultConnection
extends Node
# A line to the server that mends itself. It connects with the first call or subscription.

signal state_changed(state)
# Answer it with `give_token`. Told when there is none, and again when the session has ended.
signal token_wanted
# A new one, to be stored by who wants to stay signed in.
signal token_changed(token)
# Any notification of the server.
signal notified(method, params)

const Call = preload("call.gd")
const CallError = preload("call_error.gd")
const Calls = preload("calls.gd")
const Clock = preload("clock.gd")
const JsonText = preload("json_text.gd")
const Subscription = preload("subscription.gd")
const Watchdog = preload("watchdog.gd")

const IDLE = "idle"
const CONNECTING = "connecting"
const OPEN = "open"
const WAITING = "waiting"
const CLOSED = "closed"

const PROTOCOL = "victoryvault.v1"
const CONNECT_MS = 10000
const STABLE_MS = 5000
const SIGNING = ["session.create", "session.resume", "session.renew", "user.create"]

const BY_ONESELF = 1000
# Without a close frame.
const LOST = 1006
const SESSION_ENDED = 4401
# From here on a close code says: do not come back.
const FATAL = 4500

var url = ""
# For calls that name none.
var timeout_ms = 30000
# After so long without a message the server is asked whether it is there,
var silence_ms = 45000
# and has so long for an answer.
var answer_ms = 10000

# To be read.
var state = IDLE
# Why the line was lost, or closed: a CallError, or null.
var reason = null

# What this engine does in its own way.
var _engine = _engine_beside(Clock)
var _clock = Clock.new(_engine)
var _calls = Calls.new(self, _clock)
var _watchdog = Watchdog.new(self, _clock)
# By what they ask for: who asks for the same shares one.
var _subscriptions = {}
var _socket = null
# Counts, so that who comes back late sees that it is too late.
var _attempt = 0
var _is_asked = false
# The one of the state: until connected, or until the next attempt.
var _alarm = 0
var _tries = 0
var _opened_at = INF
var _reconnect_in_ms = -1
var _token = ""
# Whether a token was refused lately: it is asked for another one once.
var _is_refused = false
# After a handshake that failed, whose reason nobody tells: sign in by a call, which has one.
var _signs_in_by_call = false


func _init():
	_engine.keep_running(self)


func _process(_delta):
	_clock.read()
	var socket = _socket
	if socket:
		for event in socket.poll():
			if socket == _socket:
				callv(event[0], event[1])
	_clock.ring()


func _notification(what):
	if what == NOTIFICATION_PREDELETE:
		close()
	elif what in _engine.WAKING:
		_wake()


# Connects, if it is idle or closed.
func open():
	if not state in [IDLE, CLOSED]:
		return
	reason = null
	_tries = 0
	_is_refused = false
	_dial()


# Ends everything: calls fail, subscriptions end. `open` begins anew.
func close():
	_end(CallError.new(BY_ONESELF, "connection_closed", "The connection was closed."))


# Gives a Call, whose signal `done` tells the reply. Waits for the line when it is down.
# `options` may have `timeout_ms`.
func make_call(method, params = {}, options = {}):
	var call = Call.new(method, params)
	call.timeout_ms = options.get("timeout_ms", timeout_ms)
	call.then(self, "_learn")
	if state == IDLE:
		open()
	if state == CLOSED:
		_clock.after(0, call, "finish", [reason])
	else:
		_calls.begin(call)
	return call


# Rows that match, live. `query` may have `where`, `fields`, `limit` and `interval_ms`. With a copy
# that was `stored`, its `position` and `rows`, only what has changed since is sent.
func subscribe(resource, query = {}, stored = {}):
	if state == IDLE:
		open()
	var key = _key_of(resource, query)
	var found = _subscriptions.get(key)
	if not found:
		found = Subscription.new(self, _clock, key, resource, query, stored)
		_subscriptions[key] = found
	found.enter()
	if state == CLOSED:
		_clock.after(0, found, "end", [reason])
	else:
		found.ask()
	return found


# Answers `token_wanted`, now or later; with "" it stays anonymous. With a `failure`, why there is
# none now, it asks again after a while.
func give_token(token, failure = ""):
	if not _is_asked:
		return
	_is_asked = false
	if failure != "":
		lost(LOST, "There was no token: %s" % failure)
	elif _is_refused and not token and reason:
		_end(reason)
	else:
		_token = token if token else ""
		_knock()


# What the subscriptions see of it.


func is_open():
	return _calls.is_open


func has_token():
	return _token != ""


func begin(method, params):
	var call = Call.new(method, params)
	call.timeout_ms = timeout_ms
	_calls.begin(call, true)
	return call


func send(message):
	if _socket:
		_socket.send(JsonText.of(message))


func leave(key, subscription):
	if _subscriptions.get(key) == subscription:
		_subscriptions.erase(key)


# What the socket tells it.


func entered():
	if has_token() and _signs_in_by_call:
		begin("session.resume", {"token": _token}).then(self, "_resumed")
	else:
		_opened()


func received(text):
	_watchdog.hear()
	var message = _engine.parse(text)
	if message.has("method"):
		_take(message["method"], message.get("params", {}))
	else:
		_calls.answer(message)


func lost(code = LOST, why = ""):
	if _clock.now - _opened_at >= STABLE_MS:
		_tries = 0
		_is_refused = false
	if state == CONNECTING:
		_signs_in_by_call = true
	var wait = _reconnect_in_ms
	if not _drop(code):
		return
	if code >= FATAL:
		why = why if why else "The server refuses the connection."
		_end(CallError.new(code, "connection_closed", why))
	elif code == SESSION_ENDED:
		_refused(CallError.new(code, "session_expired", why if why else "The session has ended."))
	else:
		why = why if why else "The connection was lost."
		_wait(CallError.new(code, "connection_lost", why), wait)


# From replies and notifications.


# From a reply: who one is now, and how far one has come.
func _learn(call):
	if call.error:
		return
	if call.method == "subscription.sync":
		for each in _subscriptions.values():
			each.moved(call.result["position"])
	if not call.method in SIGNING or call.method == "user.create" and has_token():
		return  # or an account for somebody else
	_token = call.result.get("token", call.params.get("token"))
	emit_signal("token_changed", _token)
	for each in _subscriptions.values():
		each.ask()


func _take(method, params):
	if method == "session.expiring":
		var renewal = Call.new("session.renew", {})
		renewal.timeout_ms = timeout_ms
		_calls.begin(renewal.then(self, "_learn"))
	if method == "server.draining":
		_reconnect_in_ms = params["reconnect_in_ms"]
	for each in _subscriptions.values():
		if each.id != "" and each.id == params.get("subscription"):
			each.take(params)
	emit_signal("notified", method, params)


# From state to state.


func _become(new_state, why = null):
	state = new_state
	if why:
		reason = why
	emit_signal("state_changed", state)


func _after(ms, method):
	_clock.stop(_alarm)
	_alarm = _clock.after(ms, self, method)


func _dial():
	_attempt += 1
	var attempt = _attempt
	_after(CONNECT_MS, "lost")
	_become(CONNECTING)
	if attempt != _attempt:
		return
	if has_token() or get_signal_connection_list("token_wanted").size() == 0:
		_knock()
	else:
		_is_asked = true
		emit_signal("token_wanted")


func _knock():
	var protocols = [PROTOCOL]
	if has_token() and not _signs_in_by_call:
		protocols.append("bearer.%s" % _token)
	_socket = _engine.new_socket()
	if not _socket.open(url, protocols):
		_end(CallError.new(LOST, "connection_closed", "%s is no address that one can use." % url))


func _resumed(call):
	if not call.error:
		_opened()
	elif call.error.code == 401:
		_refused(call.error)
	elif call.error.kind != "connection_lost":
		lost()


func _opened():
	_signs_in_by_call = false
	_opened_at = _clock.now
	_watchdog.hear()
	_calls.open()
	for each in _subscriptions.values():
		each.ask()
	_clock.stop(_alarm)
	_watchdog.watch()
	_become(OPEN)


# The session has ended, or the token is not valid.
func _refused(why):
	if not _drop(SESSION_ENDED):
		return
	_token = ""
	if _is_refused or get_signal_connection_list("token_wanted").size() == 0:
		_end(why)
		return
	_is_refused = true
	for each in _subscriptions.values():
		each.forget()
	_wait(why)


func _wait(why, ms = -1):
	if ms < 0:
		ms = _clock.jitter(_tries)
		_tries += 1
	_after(ms, "_dial")
	_become(WAITING, why)


func _end(why):
	if state == CLOSED:
		return
	state = CLOSED
	reason = why
	_clock.stop(_alarm)
	_drop(why.code)
	var attempt = _attempt
	_calls.fail(why)
	for each in _subscriptions.values():
		each.end(why)
	if attempt == _attempt:
		_become(CLOSED)


# Whether nobody who was told of it has begun something else.
func _drop(code):
	var socket = _socket
	_socket = null
	_attempt += 1
	var attempt = _attempt
	_is_asked = false
	_reconnect_in_ms = -1
	_opened_at = INF
	_watchdog.stop()
	if socket:
		socket.close()
	for each in _subscriptions.values():
		each.interrupted()
	_calls.interrupt(code)
	return attempt == _attempt


# Somebody looks at the game again, or the device wakes up.
func _wake():
	if state == WAITING:
		_dial()
	elif state == OPEN:
		_watchdog.probe()


# The same text for the same JSON, in whatever order its members were written.
func _key_of(resource, query):
	var fields = query.get("fields")
	if fields:
		var once = {}
		for field in fields:
			once[field] = true
		fields = once.keys()
		fields.sort()
	var asked = [resource, query.get("where", {}), fields, query.get("interval_ms", 0)]
	return JsonText.of(_engine.parse(JsonText.of(asked)))


static func _engine_beside(script):
	var folder = script.resource_path.get_base_dir()
	return load("%s/godot%d/engine.gd" % [folder, Engine.get_version_info()["major"]])
