"""A lobby: everybody is a dot that everybody sees move. The arrow keys move yours.

pip install "./clients/python[examples]"
python lobby.py Ada ws://127.0.0.1:8080/rpc
"""

import secrets
import sys
import zlib

import pygame

from victoryvault_client import BlockingConnection

STEP = 16
KEYS = {
    pygame.K_LEFT: (-STEP, 0),
    pygame.K_RIGHT: (STEP, 0),
    pygame.K_UP: (0, -STEP),
    pygame.K_DOWN: (0, STEP),
}


def main(name: str, url: str) -> None:
    pygame.init()
    screen = pygame.display.set_mode((640, 480))
    font = pygame.font.Font(None, 20)
    clock = pygame.time.Clock()
    x, y = told = (320, 240)
    email, password = f"{secrets.token_hex(8)}@example.org", secrets.token_hex(8)
    with BlockingConnection(url) as vault:
        vault.call("user.create", {"full_name": name, "email": email, "password": password})
        here = vault.begin("user.update", {"set": {"status": "lobby", "profile": {"x": x, "y": y}}})
        with vault.subscribe("user", where={"status": "lobby"}) as players:
            is_playing = True
            while is_playing:
                for event in pygame.event.get():
                    is_playing = is_playing and event.type != pygame.QUIT
                    if event.type == pygame.KEYDOWN and event.key in KEYS:
                        dx, dy = KEYS[event.key]
                        x, y = (x + dx) % 640, (y + dy) % 480
                if (x, y) != told and here.done():  # one at a time, the newest
                    told = (x, y)
                    here = vault.begin("user.update", {"set": {"profile": {"x": x, "y": y}}})
                players.poll()
                screen.fill("white" if players.is_live else "lightgray")
                for player in players.rows.values():
                    colour = 0x404040 | zlib.crc32(player["id"].encode()) & 0xBFBFBF
                    at = player["profile"].get("x", 0), player["profile"].get("y", 0)
                    pygame.draw.circle(screen, pygame.Color(colour << 8 | 255), at, 10)
                    screen.blit(font.render(player["full_name"], True, "black"), at)
                pygame.display.flip()
                clock.tick(60)
        vault.call("user.delete")


if __name__ == "__main__":
    main(*sys.argv[1:])
