"""Where people find things: every link that goes into a sheet, an answer, a webhook or an e-mail is made here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from halve.core.models import Request
from halve.core.naming import file_id, link_token


@dataclass(frozen=True, slots=True)
class Links:
    """`public_url`: where the store's content is public, without a closing slash; None: images go through `/image`.
    `tokens`: downloads need a key, so links to them carry a token.
    """

    public_url: str | None = None
    tokens: bool = False

    def image(self, request: Request, key: str) -> str:
        """The link of a compressed image; it does not expire. Without a base address: its path beside the sheet, as it is. In a
        URL, what is beyond ASCII in a readable name is percent-encoded.
        """
        if not request.secret:
            return f"{request.base_url}/{quote(key)}" if request.base_url else key
        if self.public_url:
            return f"{self.public_url}/{key}"
        return f"{request.base_url}/image/{file_id(key)}"

    def output(self, request: Request) -> str | None:
        """The output sheet's link, None until it is there."""
        return self._download(request, "") if request.output_key else None

    def failed(self, request: Request) -> str | None:
        """The failures' sheet, None where there is none."""
        return self._download(request, "/failed") if request.failed_key else None

    def input(self, request: Request) -> str:
        """The sheet as it was uploaded."""
        return self._download(request, "/input")

    def archive(self, request: Request) -> str | None:
        """The ZIP of sheet and images, None until it is there."""
        return f"{request.base_url}/archive/{request.id}{self._token(request)}" if request.output_key else None

    def status(self, request: Request) -> str:
        """Where the request stands. Needs a key where there are keys, and so do the events and results."""
        return f"{request.base_url}/status/{request.id}"

    def events(self, request: Request) -> str:
        return f"{request.base_url}/events/{request.id}"

    def results(self, request: Request) -> str:
        return f"{request.base_url}/results/{request.id}"

    def _download(self, request: Request, part: str) -> str:
        return f"{request.base_url}/download/{request.id}{part}{self._token(request)}"

    def _token(self, request: Request) -> str:
        return f"?token={link_token(request)}" if self.tokens else ""
