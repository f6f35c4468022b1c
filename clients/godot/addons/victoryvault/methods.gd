# Whether a method writes. What only reads is repeated when its reply was lost; what writes gets a
# `retry_key` and is repeated too. Made by methods.py, not by hand.

const WRITES = {
	"presence.list": false,
	"presence.subscribe": false,
	"rpc.cancel": false,
	"rpc.discover": false,
	"rpc.ping": false,
	"session.create": true,
	"session.delete": true,
	"session.list": false,
	"session.renew": true,
	"session.resume": false,
	"subscription.close": false,
	"subscription.explain": false,
	"subscription.list": false,
	"subscription.sync": false,
	"system.info": false,
	"user.create": true,
	"user.delete": true,
	"user.get": false,
	"user.list": false,
	"user.set_password": true,
	"user.subscribe": false,
	"user.update": true,
}
