# A WebSocket on Godot 3, but in a browser.
#
# The engine's own client says nothing of the close codes 1012 and 1013, with which a server that
# restarts sends everybody away, and hears nothing after them. So the frames (RFC 6455) are read and
# written here, on the connection that the engine's HTTP client makes.

const TEXT = 0x1
const CONTINUATION = 0x0
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xA
const KIND = 0xF
const FINAL = 0x80
const MASKED = 0x80
const LONG = 126
const VERY_LONG = 127
const CHUNK = 65536
const NO_CODE = 1005
const LOST = 1006
const BY_ONESELF = 1000
const SWITCHED = 101
const KEY_BYTES = 16
const MASK_BYTES = 4
const ACCEPTANCE = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

var _client = HTTPClient.new()
var _request = []
var _key = ""
# Once the handshake is done.
var _stream = null
var _heard = PoolByteArray()
# Of a message that comes in fragments.
var _message = PoolByteArray()
var _unsent = PoolByteArray()
# What has happened: the connection's method to call, and its arguments.
var _events = []
var _is_lost = false


# Whether this is an address.
func open(url, protocols):
	var parts = url.split("/", true, 3)
	if parts.size() < 3 or not parts[0] in ["ws:", "wss:"]:
		return false
	var is_safe = parts[0] == "wss:"
	var host = parts[2].split(":")
	var port = int(host[1]) if host.size() > 1 else 443 if is_safe else 80
	_key = Marshalls.raw_to_base64(Crypto.new().generate_random_bytes(KEY_BYTES))
	var headers = [
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: %s" % _key,
	]
	if protocols:
		headers.append("Sec-WebSocket-Protocol: %s" % PoolStringArray(protocols).join(", "))
	_request = [HTTPClient.METHOD_GET, "/%s" % (parts[3] if parts.size() > 3 else ""), headers]
	return _client.connect_to_host(host[0], port, is_safe, true) == OK


func poll():
	if _stream and not _is_lost:
		_read()
		if not _flush():
			_lose(LOST)
	elif not _is_lost:
		_shake_hands()
	var events = _events
	_events = []
	return events


func send(text):
	_write(TEXT, text.to_utf8())


func close():
	if _stream and not _is_lost:
		_write(CLOSE, PoolByteArray([BY_ONESELF >> 8, BY_ONESELF & 0xFF]))
	_client.close()


func _shake_hands():
	_client.poll()
	var status = _client.get_status()
	if status == HTTPClient.STATUS_CONNECTED and _request:
		_client.callv("request", _request)
		_request = []
	elif status == HTTPClient.STATUS_CONNECTED and _is_accepted():
		_stream = _client.get_connection()
		_events.append(["entered", []])
		_read()
	elif not status in [
		HTTPClient.STATUS_RESOLVING, HTTPClient.STATUS_CONNECTING, HTTPClient.STATUS_REQUESTING
	]:
		_lose(LOST)


func _is_accepted():
	var accepted = Marshalls.raw_to_base64((_key + ACCEPTANCE).sha1_buffer())
	var headers = _client.get_response_headers_as_dictionary()
	for name in headers:
		if name.to_lower() == "sec-websocket-accept" and headers[name] == accepted:
			return _client.get_response_code() == SWITCHED
	return false


func _read():
	var got = _stream.get_partial_data(CHUNK)
	while got[0] == OK and got[1].size() > 0:
		_heard.append_array(got[1])
		got = _stream.get_partial_data(CHUNK)
	var at = 0
	while at >= 0 and not _is_lost:
		at = _take_frame(at)
	if got[0] != OK:
		_lose(LOST)


# Where the next frame begins; -1 when this one is not here yet, or was the last.
func _take_frame(at):
	var size = _number(at + 1, 1)
	var begin = at + 2
	if size == LONG or size == VERY_LONG:
		var digits = 2 if size == LONG else 8
		size = _number(begin, digits)
		begin += digits
	if size < 0 or _heard.size() < begin + size:
		_heard = _part(_heard, at, _heard.size())
		return -1
	_take(_heard[at], _part(_heard, begin, begin + size))
	return -1 if _is_lost else begin + size


func _take(head, payload):
	var kind = head & KIND
	if kind == CLOSE:
		var code = payload[0] << 8 | payload[1] if payload.size() >= 2 else NO_CODE
		_lose(code, _part(payload, 2, payload.size()).get_string_from_utf8())
		_write(CLOSE, _part(payload, 0, 2))
	elif kind == PING:
		_write(PONG, payload)
	elif kind == TEXT or kind == CONTINUATION:
		_message.append_array(payload)
		if head & FINAL:
			_events.append(["received", [_message.get_string_from_utf8()]])
			_message = PoolByteArray()


# What so many bytes say; -1 when they are not all here yet.
func _number(at, digits):
	if at + digits > _heard.size():
		return -1
	var number = 0
	for index in range(at, at + digits):
		number = number << 8 | _heard[index]
	return number


func _write(kind, payload):
	var frame = PoolByteArray([FINAL | kind])
	var size = payload.size()
	if size < LONG:
		frame.append(MASKED | size)
	else:
		var digits = 2 if size < CHUNK else 8
		frame.append(MASKED | (LONG if digits == 2 else VERY_LONG))
		for index in range(digits):
			frame.append(size >> 8 * (digits - 1 - index) & 0xFF)
	var mask = Crypto.new().generate_random_bytes(MASK_BYTES)
	frame.append_array(mask)
	for index in range(size):
		payload[index] = payload[index] ^ mask[index % MASK_BYTES]
	frame.append_array(payload)
	_unsent.append_array(frame)
	_flush()


# As much as goes without waiting. Whether the line still takes it.
func _flush():
	if _unsent.size() == 0:
		return true
	var done = _stream.put_partial_data(_unsent)
	if done[0] == OK:
		_unsent = _part(_unsent, done[1], _unsent.size())
	return done[0] == OK


# From `begin` until before `end`.
static func _part(bytes, begin, end):
	return bytes.subarray(begin, end - 1) if begin < end and end <= bytes.size() else PoolByteArray()


func _lose(code, why = ""):
	if _is_lost:
		return
	_is_lost = true
	_events.append(["lost", [code, why]])
