# JSON as it is sent. The engines' own writers do not do: Godot 3's gives fractions six digits, and
# both leave control characters in strings, or write them in a way that JSON does not know.

const CONTROL = 32
const DECIMALS = "%.17f"
# Whole numbers need no fraction.
const MAX_WHOLE = 9007199254740992


# Members in the order of their names: the same text for the same JSON.
static func of(value):
	var kind = typeof(value)
	if value == null:
		return "null"
	if kind == TYPE_BOOL:
		return "true" if value else "false"
	if kind == TYPE_INT:
		return str(value)
	if kind == typeof(0.0):
		return "%d" % value if value == floor(value) and abs(value) < MAX_WHOLE else DECIMALS % value
	if kind == TYPE_DICTIONARY:
		return "{%s}" % _members(value)
	if kind >= TYPE_ARRAY:  # and those of one type, which follow it
		return "[%s]" % _entries(value)
	return _quoted(str(value))


static func _entries(array):
	var text = ""
	for entry in array:
		text += ("" if text == "" else ",") + of(entry)
	return text


static func _members(dictionary):
	var names = dictionary.keys()
	names.sort()
	var text = ""
	for name in names:
		text += ("%s:%s" if text == "" else ",%s:%s") % [_quoted(str(name)), of(dictionary[name])]
	return text


static func _quoted(text):
	text = text.replace("\\", "\\\\").replace("\"", "\\\"")
	if text != text.strip_escapes():  # it has control characters
		for code in range(1, CONTROL):
			text = text.replace(char(code), "\\u%04x" % code)
	return "\"%s\"" % text
