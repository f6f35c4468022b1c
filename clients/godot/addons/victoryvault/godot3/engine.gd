# What Godot 3 does in its own way. The engine.gd of godot4 is its twin.

const Socket = preload("socket.gd")
const WebSocket = preload("web_socket.gd")

# Notifications after which a line may be dead, or is wanted at once.
const WAKING = [MainLoop.NOTIFICATION_WM_FOCUS_IN, MainLoop.NOTIFICATION_APP_RESUMED]


static func new_socket():
	return WebSocket.new() if OS.get_name() == "HTML5" else Socket.new()


# Goes on while the game is paused.
static func keep_running(node):
	node.pause_mode = Node.PAUSE_MODE_PROCESS


# What JSON says; null where it is none.
static func parse(text):
	return JSON.parse(text).result


# Milliseconds, from anywhere.
static func ticks():
	return OS.get_ticks_msec()
