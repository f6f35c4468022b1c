extends "../addons/victoryvault/godot3/engine.gd"
# With the socket that games in a browser have.

const InBrowser = preload("../addons/victoryvault/godot3/web_socket.gd")


static func new_socket():
	return InBrowser.new()
