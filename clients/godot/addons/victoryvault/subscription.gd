# Rows that match, live. It comes back by itself, from where it was, after whatever happens to the
# connection.

# All rows are here, or never will be: look at `error`. Told once to each who subscribes, in a later
# frame: `await subscription.ready` in Godot 4, `yield(subscription, "ready")` in Godot 3.
signal ready(subscription)
# After each notification was applied. A change has `op`, which is "enter" or "change" (with `id`,
# `version`, `set`), "leave" (with `id`, `version`, `reason`), or "reset": look at all rows.
signal changed(changes)
# It will not come back.
signal ended(error)

const CallError = preload("call_error.gd")
const Changes = preload("changes.gd")

const BY_ONESELF = 1000
const PASSING = ["internal_error", "unavailable", "timeout", "too_many_calls", "cancelled"]

# By id, always as they are now. A row is replaced when it changes, never changed itself.
var rows = {}
# To be stored with the rows; "" while they are not whole.
var position = ""
# Whether the rows are whole and the server tells of each change.
var is_live = false
# Why it has ended: a CallError, or null.
var error = null

# What the server calls it, for the connection; "" while it does not.
var id = ""

var _line
var _clock
var _key
var _resource
var _query
# The rows of a reset of which parts are still to come, or null.
var _coming = null
var _users = 0
# Weak references to each Changes.
var _followed = []
var _is_settled = false
var _is_asking = false
var _tries = 0
var _alarm = 0


func _init(line, clock, key, resource, query, stored):
	_line = line
	_clock = clock
	_key = key
	_resource = resource
	_query = query
	if not stored.get("position"):
		return
	position = stored["position"]
	for row in stored["rows"]:
		_put(rows, row["id"], row["version"], row)


# Changes from now on, to be taken one by one. It ends when nobody holds it any more.
func follow():
	var followed = Changes.new()
	_followed.append(weakref(followed))
	return followed


# Ends it, once everyone who subscribed to the same has closed it.
func close():
	if _users == 0:
		return
	_users -= 1
	if _users == 0 and not error:
		_over(CallError.new(499, "cancelled", "The subscription was closed."))
		if not _is_asking:
			_leave()


# The rest is the connection's.


# One more who wants it.
func enter():
	_users += 1
	if _users == 1:
		_is_settled = false
	elif _is_settled:
		_clock.after(0, self, "emit_signal", ["ready", self])


# Asks for it, from where it is, unless that is done or cannot be done now.
func ask():
	if id != "" or _is_asking or error or not _line.is_open():
		return
	_clock.stop(_alarm)
	_is_asking = true
	var params = _query.duplicate()
	params["after"] = position if position else null
	_line.begin("%s.subscribe" % _resource, params).then(self, "_answered")


# A notification.
func take(params):
	if params.has("changes"):
		_apply(params["changes"], "" if params.get("more") else params["position"])
	else:
		forget()
		if params["reason"] != "signed_out":
			_ask_later(_clock.jitter(_count_try()))


# All that was committed up to there is here.
func moved(to_position):
	if is_live:
		position = to_position


# The line is gone. What came in parts and is not whole is of no use.
func interrupted():
	id = ""
	_coming = null
	is_live = false
	_clock.stop(_alarm)
	if _users == 0:
		_line.leave(_key, self)


# It starts anew when it comes back: rights changed, or somebody else signs in.
func forget():
	interrupted()
	position = ""


func end(reason):
	interrupted()
	error = reason
	_line.leave(_key, self)
	_over(reason)


func _over(reason):
	_settle(reason)
	for each in _following():
		each.end(null if reason.code == BY_ONESELF or _users == 0 else reason)
	emit_signal("ended", reason)


func _following():
	var held = []
	for each in _followed.duplicate():
		var followed = each.get_ref()
		if followed:
			held.append(followed)
		else:
			_followed.erase(each)
	return held


func _settle(reason = null):
	if _is_settled:
		return
	_is_settled = true
	error = reason
	emit_signal("ready", self)


func _leave():
	if id != "" and _line.is_open():
		_line.begin("subscription.close", {"subscription": id})
	interrupted()


func _count_try():
	_tries += 1
	return _tries - 1


func _ask_later(ms):
	_clock.stop(_alarm)
	_alarm = _clock.after(ms, self, "ask")


func _answered(call):
	_is_asking = false
	id = call.result["subscription"] if call.result else ""
	if _users == 0:
		_leave()
	elif call.result:
		_begun(call.result)
	else:
		_refused(call.error)


func _refused(reason):
	if reason.kind == "connection_lost":
		return  # the connection asks again
	if reason.code == 401 and not _line.has_token():
		return  # until somebody signs in
	if position and (reason.kind == "position_gone" or reason.data.get("path") == "after"):
		position = ""
		ask()
	elif reason.code == 401 or reason.kind in PASSING:
		_ask_later(reason.retry_after_ms if reason.retry_after_ms else _clock.jitter(_count_try()))
	else:
		end(reason)


func _begun(reply):
	if reply["reset"]:
		_coming = {}
		for name in reply:
			if name != "changes" and typeof(reply[name]) == TYPE_ARRAY:
				for row in reply[name]:
					_put(_coming, row["id"], row["version"], row)
	_apply(reply.get("changes", []), "" if reply.get("more") else reply["position"])


# `to_position` is "" while there is more to come.
func _apply(changes, to_position):
	var is_reset = _coming != null
	var into = _coming if is_reset else rows
	for change in changes:
		change["version"] = int(change["version"])
		if change["op"] == "leave":
			into.erase(change["id"])
		else:
			_put(into, change["id"], change["version"], change["set"])
	position = to_position
	is_live = to_position != ""
	if is_live:
		_tries = 0
		if is_reset:
			rows = _coming
			_coming = null
	if is_reset:
		changes = [{"op": "reset"}] if is_live else []
	if changes.size() > 0:
		for each in _following():
			each.add(changes)
		emit_signal("changed", changes)
	if is_live:
		_settle()


static func _put(into, row_id, version, members):
	var row = into[row_id].duplicate() if into.has(row_id) else {}
	row["id"] = row_id
	for name in members:
		row[name] = members[name]
	row["version"] = int(version)
	into[row_id] = row
