extends "acting.gd"
# The actor on Godot 4: python tests/browser/godot4.py . res://tests/actor4.gd <control address>

# For all that it tells at once.
const ROOM = 67108864
# The first line is the control line.
const LINES = """
	const lines = [];
	window.WebSocket = class extends WebSocket {
		constructor(...given) {
			super(...given);
			lines.push(this);
		}
	};
	window.hide = () => {
		const soon = requestAnimationFrame;
		let frame;
		window.requestAnimationFrame = (next) => (frame = next);
		const show = () => soon(frame, (window.requestAnimationFrame = soon));
		lines[0].addEventListener("message", show, { once: true });
	};
"""


func _init():
	control_url = OS.get_cmdline_user_args()[0]
	JavaScriptBridge.eval(LINES)


func _ready():
	super()
	_control._socket.outbound_buffer_size = ROOM


func listen_to(object, told, target, method):
	object.connect(told, Callable(target, method))


# It is hidden in its browser until it is told something: messages come, and no frame.
func _sleep(_command):
	JavaScriptBridge.eval("hide()")
	tell("did")
