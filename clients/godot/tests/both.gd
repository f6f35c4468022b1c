extends Node
# What needs no server, on either engine. Ends with the number of what is wrong.

const ADDON = "res://addons/victoryvault/"
const SHARED = [
	"call",
	"call_error",
	"calls",
	"changes",
	"clock",
	"connection",
	"json_text",
	"methods",
	"subscription",
	"watchdog",
]

var wrong = 0


class Line:
	var said = []

	func send(message):
		said.append(message)

	func is_open():
		return true

	func ticks():
		return 0


func _ready():
	for test in get_method_list():
		if test["name"].begins_with("test_"):
			call(test["name"])
	print("%d wrong" % wrong)
	get_tree().quit(wrong)


func expect(seen, wanted):
	if str(seen) != str(wanted) or typeof(seen) != typeof(wanted):
		wrong += 1
		print("WRONG: ", seen, ", not ", wanted)


func part(name):
	return load("%s%s.gd" % [ADDON, name])


func test_each_file_is_read():
	for name in SHARED:
		expect(part(name).reload(true), OK)


func test_json_is_exact():
	var json = part("json_text")
	expect(json.of({"b": 2.0, "a": [1, true, null, {}, []]}), '{"a":[1,true,null,{},[]],"b":2}')
	expect(json.of(9007199254740993), "9007199254740993")
	expect(json.of('"\\' + char(11) + char(1) + "é"), '"\\"\\\\\\u000b\\u0001é"')
	expect(json.of(-0.1234567891234).begins_with("-0.1234567891234"), true)


func test_a_number_that_json_has_not_is_refused():
	var unfit = part("calls")
	for number in [9007199254740993, -9007199254740993, INF, NAN]:
		expect(unfit._unfit({"set": {"profile": [1, number]}}), "set.profile.1")
	expect(unfit._unfit({"x": 9007199254740992, "y": 0.5, "z": "9007199254740993"}), "")


func test_a_version_is_an_integer_wherever_a_row_stands():
	var line = Line.new()
	var clock = part("clock").new(line)
	var calls = part("calls").new(line, clock)
	calls.open()
	var got = part("call").new("user.get", {})
	calls.begin(got)
	calls.answer({"id": 1.0, "result": {"user": {"version": 3.0}, "users": [{"version": 4.0}]}})
	expect(got.result, {"user": {"version": 3}, "users": [{"version": 4}]})
	var conflict = part("call").new("user.update", {})
	calls.begin(conflict)
	var data = {"kind": "version_conflict", "user": {"version": 5.0}}
	calls.answer({"id": 2.0, "error": {"code": 409.0, "message": "no", "data": data}})
	expect(conflict.error.data["user"], {"version": 5})
	expect(conflict.error.code, 409)
	expect(conflict.error.data["retry_key"].length(), 32)
	expect(str(conflict.error), "version_conflict: no")


func test_a_row_is_replaced_and_never_changed():
	var line = Line.new()
	var clock = part("clock").new(line)
	var stored = {"position": "p", "rows": [{"id": "a", "version": 1.0}]}
	var subscription = part("subscription").new(line, clock, "", "user", {}, stored)
	var before = subscription.rows["a"]
	var change = {"op": "change", "id": "a", "version": 2.0, "set": {"status": "x"}}
	subscription.take({"changes": [change], "position": "q"})
	expect(before, {"id": "a", "version": 1})
	expect(subscription.rows["a"]["version"], 2)
	expect(subscription.position, "q")


func test_who_is_slow_gets_one_change_for_each_row():
	var changes = part("changes").new()
	changes.add([{"op": "enter", "id": "a", "version": 1, "set": {"x": 1}}])
	changes.add([{"op": "change", "id": "b", "version": 2, "set": {"x": 1}}])
	changes.add([{"op": "change", "id": "a", "version": 2, "set": {"y": 2}}])
	changes.add([{"op": "leave", "id": "b", "version": 3, "reason": "filter"}])
	changes.add([{"op": "enter", "id": "b", "version": 4, "set": {"x": 3}}])
	var first = changes.take()
	expect([first["op"], first["version"]], ["enter", 2])
	expect(first["set"], {"x": 1, "y": 2})
	expect(changes.take()["op"], "change")
	expect(changes.take(), null)


func test_alarms_ring_in_their_order_and_a_new_one_in_a_later_frame():
	var line = Line.new()
	var clock = part("clock").new(line)
	clock.after(2, line, "send", ["late"])
	clock.after(1, line, "send", ["early"])
	clock.stop(clock.after(1, line, "send", ["never"]))
	clock.after(1, clock, "after", [0, line, "send", ["next"]])
	clock.now = 2
	clock.ring()
	expect(line.said, ["early", "late"])
	clock.ring()
	expect(line.said, ["early", "late", "next"])


func test_the_wait_is_random_and_grows_to_fifteen_seconds():
	var clock = part("clock").new(Line.new())
	for tries in [0, 3, 30, 3000]:
		var most = min(15000.0, 200.0 * pow(2, tries))
		for _time in range(100):
			var wait = clock.jitter(tries)
			expect(wait >= 0 and wait <= most, true)
