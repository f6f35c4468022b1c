# A WebSocket on Godot 4.

# WebSocketPeer's STATE_OPEN and STATE_CLOSED.
const OPEN = 1
const CLOSED = 3
const IN_BYTES = 4194304
const OUT_BYTES = 1048576
const MAX_QUEUED = 8192
# In a browser messages come while the game stands still, and what finds no room is lost, without a
# word: so a buffer that is fuller than this is not to be trusted.
const FULL_BYTES = 3145728
const LOST = 1006
const MISTAKE = 1002
const RESTART = 1012

var _socket = WebSocketPeer.new()
var _is_open = false
# Whether something could not be sent.
var _is_stuck = false
var _is_lost = false


# Whether this is an address.
func open(url, protocols):
	_socket.inbound_buffer_size = IN_BYTES
	_socket.outbound_buffer_size = OUT_BYTES
	_socket.max_queued_packets = MAX_QUEUED
	_socket.supported_protocols = protocols
	return _socket.connect_to_url(url) == OK


# What has happened since the last time: the connection's method to call, and its arguments.
func poll():
	if _is_lost:
		return []
	_socket.poll()
	var events = []
	var state = _socket.get_ready_state()
	if state == OPEN and not _is_open:
		_is_open = true
		events.append(["entered", []])
	var bytes = 0
	var is_full = _socket.get_available_packet_count() >= MAX_QUEUED - 1
	while _socket.get_available_packet_count() > 0:
		var packet = _socket.get_packet()
		bytes += packet.size()
		events.append(["received", [packet.get_string_from_utf8()]])
	if _is_stuck or OS.has_feature("web") and (is_full or bytes > FULL_BYTES):
		return _lost(LOST, "There is more than there is room for.")
	if state == CLOSED:
		events += _lost(_close_code(), _socket.get_close_reason())
	return events


func send(text):
	_is_stuck = _socket.send_text(text) != OK or _is_stuck


func close():
	_socket.close()


# Outside of browsers the engine takes 1012 and 1013 for mistakes.
func _close_code():
	var code = _socket.get_close_code()
	if code == MISTAKE:
		return RESTART
	return code if code > 0 else LOST


func _lost(code, why):
	_is_lost = true
	return [["lost", [code, why]]]
