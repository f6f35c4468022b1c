# What Godot 4 does in its own way. The engine.gd of godot3 is its twin. Godot 3's editor reads this
# file too: so it says numbers and strings where that one knows no name.

const Socket = preload("socket.gd")

# Notifications after which a line may be dead, or is wanted at once.
# They are NOTIFICATION_APPLICATION_FOCUS_IN and NOTIFICATION_APPLICATION_RESUMED.
const WAKING = [2016, 2014]
const ALWAYS = 3  # PROCESS_MODE_ALWAYS


static func new_socket():
	return Socket.new()


# Goes on while the game is paused.
static func keep_running(node):
	node.process_mode = ALWAYS


# What JSON says; null where it is none.
static func parse(text):
	return JSON.parse_string(text)


# Milliseconds, from anywhere.
static func ticks():
	return Engine.get_singleton("Time").get_ticks_msec()
