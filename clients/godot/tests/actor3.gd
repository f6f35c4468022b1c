extends "acting.gd"
# The actor on Godot 3.


func listen_to(object, told, target, method):
	object.connect(told, target, method)
