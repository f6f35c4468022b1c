# One call. `await call.done` in Godot 4, `yield(call, "done")` in Godot 3, gives the call itself.

# Always in a later frame than the one in which the call was made.
signal done(call)

var method: String
var params: Dictionary
var result = null
# A CallError, or null.
var error = null
var is_done = false

# The rest is the connection's.
var id = 0
var timeout_ms = 0
var is_sent = false
# Whether it may be sent a second time, when nobody knows what became of the first.
var is_repeatable = false
var alarm = 0
var calls = null
var followers = []


func _init(the_method, the_params):
	method = the_method
	params = the_params


# Stops it, on the server too.
func cancel():
	if calls:
		calls.cancel(self)


# Calls a method with this call once it is done: before `done` is told, and before anything that
# follows on the line is handled.
func then(target, target_method):
	followers.append([target, target_method])
	return self


func finish(the_error, the_result = null):
	error = the_error
	result = the_result
	is_done = true
	calls = null
	for each in followers:
		each[0].call(each[1], self)
	followers = []
	emit_signal("done", self)
