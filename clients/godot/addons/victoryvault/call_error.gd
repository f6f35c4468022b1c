# Whatever goes wrong, on the server or on the way. Programs look at `kind`.

# JSON-RPC's, or one that reads like HTTP's; of a connection that is gone, what it was closed with.
var code: int
var kind: String
var message: String
# All that the server said beside the message: `kind`, `path`, `retry_after_ms` ...
var data: Dictionary
# How long to wait before trying again, where waiting helps.
var retry_after_ms: int


func _init(the_code, the_kind, the_message, the_data = {}):
	code = int(the_code)
	kind = the_kind
	message = the_message
	data = the_data.duplicate()
	data["kind"] = kind
	retry_after_ms = int(data.get("retry_after_ms", 0))


func _to_string():
	return "%s: %s" % [kind, message]
