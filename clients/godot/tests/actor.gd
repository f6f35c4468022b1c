extends SceneTree
# Runs the actor on Godot 3; with `web`, on the socket for browsers:
# godot3-server --path . --script res://tests/actor.gd [web] <control address>


func _initialize():
	var actor = load("res://tests/actor3.gd").new()
	var arguments = OS.get_cmdline_args()
	actor.control_url = arguments[arguments.size() - 1]
	if "web" in arguments:
		actor.engine = load("res://tests/web_engine.gd")
	get_root().add_child(actor)
