# The changes of a subscription, taken one by one when it suits, as in a game's own loop. Who is
# slow gets one for each row, the newest. Made by `subscription.follow()`.

# There is one, or an end.
signal came

const RESET = ""

# Whether there will be no more than those that wait.
var is_over = false
# Why, unless somebody closed it: a CallError, or null.
var error = null

var _waiting = {}


# The oldest, or null.
func take():
	for id in _waiting:
		var change = _waiting[id]
		_waiting.erase(id)
		return change
	return null


# The rest is the subscription's.


func add(changes):
	for change in changes:
		_merge(change)
	emit_signal("came")


func end(reason):
	is_over = true
	error = reason
	emit_signal("came")


# At most one for each row. After a reset one looks at all rows anyway.
func _merge(change):
	if change["op"] == "reset":
		_waiting = {RESET: change}
	elif not _waiting.has(RESET):
		var id = change["id"]
		var earlier = _waiting.get(id)
		_waiting.erase(id)
		var merged = _joined(earlier, change) if earlier else change
		if merged:
			_waiting[id] = merged


static func _joined(earlier, later):
	if earlier["op"] == "enter" and later["op"] == "leave":
		return null
	var joined = later.duplicate()
	if earlier["op"] == "leave" and later["op"] == "enter":
		joined["op"] = "change"
	elif earlier.has("set") and later.has("set"):
		joined["op"] = earlier["op"]
		joined["set"] = earlier["set"].duplicate()
		for name in later["set"]:
			joined["set"][name] = later["set"][name]
	return joined
