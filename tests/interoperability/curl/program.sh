#!/bin/sh
# curl, on POST /rpc; $1 is its address. What needs a socket says so.
set -eu

call() { # method, params, further arguments of curl
    method=$1 params=$2; shift 2
    curl --silent --show-error --fail "$address" --header 'Content-Type: application/json' "$@" \
        --data "{\"jsonrpc\":\"2.0\",\"method\":\"$method\",\"params\":$params,\"id\":1}"
}
member() { grep --only-matching "\"$1\":\"*[^\",}]*" | head -n 1 | sed 's/.*[":]//'; }
expect() { [ "$1" = "$2" ] || { echo "$1 was expected, not $2" >&2; exit 1; }; }

address=$1
email=curl-$(date +%s)-$$@example.org
person="{\"email\":\"$email\",\"full_name\":\"curl\",\"password\":\"correct horse\"}"
own=$(call user.create "$person" | member id)
token=$(call session.create "[\"$email\",\"correct horse\"]" | member token)
bearer="Authorization: Bearer $token"

call user.update '{"set":{"status":"here"}}' --header "$bearer" >/dev/null
expect -32601 "$(call user.no '{}' | member code)"
expect set.status "$(call user.update '{"set":{"status":7}}' --header "$bearer" | member path)"
expect needs_socket "$(call user.subscribe '{}' --header "$bearer" | member kind)"

wrong=$(curl --silent "$address" --data '{}' | member message)
expect 'The content type is application/json.' "$wrong"
only_notifications=$(curl --silent "$address" --json '{"jsonrpc":"2.0","method":"rpc.ping"}' \
    --write-out '%{http_code}')
expect 204 "$only_notifications"

status=$(call user.get "[\"$own\"]" --header "$bearer" | member status)
echo "curl was told of $status"
