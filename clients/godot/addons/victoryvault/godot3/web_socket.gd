# Godot 3's own WebSocket client, for games in a browser. Elsewhere it would not do: see godot3.gd.

const IN_KIB = 4096
const OUT_KIB = 1024
const MAX_QUEUED = 1024
const LOST = 1006
const TOO_BIG = 1009

var _client = WebSocketClient.new()
# What has happened since the last poll: the connection's method to call, and its arguments.
var _events = []
var _code = LOST
var _why = ""


# Whether this is an address.
func open(url, protocols):
	_client.set_buffers(IN_KIB, MAX_QUEUED, OUT_KIB, MAX_QUEUED)
	_client.connect("connection_established", self, "_on_established")
	_client.connect("connection_error", self, "_on_closed")
	_client.connect("server_close_request", self, "_on_close_request")
	_client.connect("connection_closed", self, "_on_closed")
	_client.connect("data_received", self, "_on_data")
	return _client.connect_to_url(url, PoolStringArray(protocols)) == OK


func poll():
	if _client.get_connection_status() != NetworkedMultiplayerPeer.CONNECTION_DISCONNECTED:
		_client.poll()
	var events = _events
	_events = []
	return events


func send(text):
	if _client.get_peer(1).put_packet(text.to_utf8()) != OK:
		_on_closed()


func close():
	_client.disconnect_from_host(1000)


func _on_established(_protocol):
	_client.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
	_events.append(["entered", []])


# At once, for each message: what is left in the client's buffer may be lost to the next one.
func _on_data():
	var peer = _client.get_peer(1)
	if peer.get_available_packet_count() > 0:
		_events.append(["received", [peer.get_packet().get_string_from_utf8()]])
	else:
		_events.append(["lost", [TOO_BIG, "A message is larger than %d KiB." % IN_KIB]])


func _on_close_request(code, why):
	_code = code
	_why = why


func _on_closed(_was_clean = false):
	_events.append(["lost", [_code, _why]])
