"""User agents of the devices and programs that speak to Canvas."""

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_CHROMEBOOK = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"

DESKTOP = (
    f"{_WINDOWS} {_BLINK} Chrome/143.0.0.0 Safari/537.36",
    f"{_WINDOWS} {_BLINK} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    f"{_MAC} {_BLINK} Chrome/143.0.0.0 Safari/537.36",
    f"{_CHROMEBOOK} {_BLINK} Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0",
)
PHONES = {
    "ios": "iCanvas/7.42.0 (iPhone16,2; iOS 18.6; Scale/3.00)",
    "android": "candroid/7.31.0 (Android 15; Pixel 8)",
}
SCRIPT = "python-requests/2.32.3"
GRADE_PASSBACK = "ExampleTool-LTI/4.2"
CALENDAR = "Google-Calendar-Importer"
SERVICE = "inst-canvadocs/9f2c1e7 (region: us-west-2; host: 10.11.12.13; env: production)"
SCANNER = "Somebot/1.0"
