# A line may be dead for long before anyone says so: one that is silent is asked.

var _line
var _clock
var _heard_at = 0
var _alarm = 0


func _init(line, clock):
	_line = line
	_clock = clock


func watch():
	var left = _heard_at + _line.silence_ms - _clock.now
	if left > 0:
		_after(left, "watch")
	else:
		probe()


func stop():
	_clock.stop(_alarm)


func hear():
	_heard_at = _clock.now


# Asks whether it is there, and gives it up when there is no answer in time.
func probe():
	_line.begin("rpc.ping", {})
	_after(_line.answer_ms, "_judge", [_clock.now])


func _judge(asked_at):
	if _heard_at >= asked_at:
		watch()
	else:
		_line.lost()


func _after(ms, method, arguments = []):
	_clock.stop(_alarm)
	_alarm = _clock.after(ms, self, method, arguments)
