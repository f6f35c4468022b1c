# Time and chance. It is read once a frame: nothing else of the client looks at a clock.

const FIRST_WAIT_MS = 200.0
const MAX_WAIT_MS = 15000.0

# In milliseconds, from anywhere.
var now = 0
# Gives `ticks()`, in milliseconds.
var source
# Gives `randf()`, from 0 to 1.
var random = RandomNumberGenerator.new()

var _alarms = {}
var _last = 0


class Alarm:
	var due
	var target
	var method
	var arguments


func _init(the_source):
	source = the_source
	random.randomize()
	read()


func read():
	now = source.ticks()


# Calls a method after so many milliseconds, in a later frame at the earliest. Gives what `stop`
# takes.
func after(ms, target, method, arguments = []):
	var alarm = Alarm.new()
	alarm.due = now + ms
	alarm.target = target
	alarm.method = method
	alarm.arguments = arguments
	_last += 1
	_alarms[_last] = alarm
	return _last


func stop(number):
	_alarms.erase(number)


# Does what is due, in its order.
func ring():
	var newest = _last
	var number = next()
	while number and _alarms[number].due <= now:
		var alarm = _alarms[number]
		_alarms.erase(number)
		alarm.target.callv(alarm.method, alarm.arguments)
		number = next(newest)


# The alarm that is due first, of those until the `newest`; 0 where there is none.
func next(newest = _last):
	var found = 0
	for number in _alarms:
		if number <= newest and (not found or _alarms[number].due < _alarms[found].due):
			found = number
	return found


func due(number):
	return _alarms[number].due


# How long to wait before attempt `tries`: full jitter, so that not all come back at once.
func jitter(tries):
	return random.randf() * min(MAX_WAIT_MS, FIRST_WAIT_MS * pow(2, tries))
