extends VBoxContainer
# The best ten, live, and a button. Points are a member of the user's profile.

const BEST = 10

var me = ""
var players


func _ready():
	var demo = {"email": "demo@example.org", "password": "demo-password"}
	$Connection.make_call("session.create", demo).then(self, "_signed_in")
	players = $Connection.subscribe("user", {"fields": ["full_name", "profile"]})


# The rows are always as they are now, so that they can be shown each frame.
func _process(_delta):
	$State.text = $Connection.state
	$Best.text = ""
	for row in best():
		$Best.text += "%s  %d\n" % [row.full_name, points(row)]
	$Score.disabled = not players.rows.has(me)


func best():
	var rows = players.rows.values()
	var found = []
	while rows and found.size() < BEST:
		var first = rows[0]
		for row in rows:
			if points(row) > points(first):
				first = row
		rows.erase(first)
		found.append(first)
	return found


func points(row):
	return int(row.profile.get("points", 0))


# With the version, so that two games of one player never count over each other.
func _on_Score_pressed():
	var own = players.rows[me]
	var profile = own.profile.duplicate()
	profile["points"] = points(own) + 1
	var change = {"version": own.version, "set": {"profile": profile}}
	$Connection.make_call("user.update", change)


func _signed_in(call):
	if call.error:
		$Best.text = call.error.message
	else:
		me = call.result.user.id
