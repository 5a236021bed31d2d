"""The JSON that goes out, each field with what it says. `/openapi.json` is made from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from halve.core.models import DeliveryKind, DeliveryState, ImageState, Status

Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]

ID = "36977978-8e24-4730-8761-1ca2ce4602bc"
_BASE = "https://halve.example"

_COMPLETED: dict[str, Any] = {
    "request_id": ID,
    "status": "completed",
    "filename": "products.csv",
    "progress": {"total": 4, "done": 3, "failed": 1, "percent": 100},
    "total_images": 4,
    "no_img_compressed": 3,
    "failed_images": 1,
    "total_rows": 2,
    "failed_rows": 0,
    "bytes_in": 1_204_000,
    "bytes_out": 511_000,
    "options": {"max_bytes": "50%"},
    "output_csv_url": f"{_BASE}/download/{ID}",
    "csv_url": f"{_BASE}/download/{ID}",
    "failed_csv_url": f"{_BASE}/download/{ID}/failed",
    "archive_url": f"{_BASE}/archive/{ID}",
    "input_csv_url": f"{_BASE}/download/{ID}/input",
    "status_url": f"{_BASE}/status/{ID}",
    "events_url": f"{_BASE}/events/{ID}",
    "results_url": f"{_BASE}/results/{ID}",
    "created_at": "2026-03-01T12:00:00.000Z",
    "completed_at": "2026-03-01T12:00:04.210Z",
}

_DELIVERED: dict[str, Any] = {
    "id": "9b2e3c1a-5f57-5d0e-9f0a-2f5f6c1c7d3b",
    "kind": "webhook",
    "target": "https://shop.example/hook",
    "state": "delivered",
    "attempts": 1,
    "last_answer": "204",
    "next_attempt_at": None,
}


class Finding(BaseModel):
    """Something wrong with a sheet, or mended in it."""

    line: int = Field(description="Physical line where the record starts; the header is 1; 0: the file as a whole.")
    column: str = Field(description="The header's own text; empty: the row or file as a whole.")
    code: str = Field(description="A stable word.")
    message: str = Field(description="A sentence that says how to mend it.")


class Problem(BaseModel):
    """Problem details (RFC 9457), sent as `application/problem+json`. Some have further members, such as `field`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "quality must be a whole number from 1 to 100 or auto, not '500'.",
                "code": "option_refused",
                "instance": "/upload",
                "field": "quality",
            }
        },
    )

    type: str
    title: str = Field(description="The phrase of the HTTP status.")
    status: int
    detail: str = Field(description="What is wrong and how to mend it, for people.")
    code: str = Field(description="A stable word, for programs.")
    instance: str
    field: str | None = Field(None, description="The form field or parameter at fault, where it is one.")
    errors: list[Finding] | None = Field(None, description="All findings, where a sheet was refused.")


class Accepted(BaseModel):
    """The sheet is good and its images are being worked on."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "request_id": ID,
                "message": "File Accepted, Processing Started",
                "status": "pending",
                "total_images": 4,
                "total_rows": 2,
                "failed_rows": 0,
                "repairs": [],
                "created_at": "2026-03-01T12:00:00.000Z",
                "status_url": f"{_BASE}/status/{ID}",
                "events_url": f"{_BASE}/events/{ID}",
                "results_url": f"{_BASE}/results/{ID}",
                "input_csv_url": f"{_BASE}/download/{ID}/input",
            }
        }
    )

    request_id: Uuid
    message: Literal["File Accepted, Processing Started"] = "File Accepted, Processing Started"
    status: Literal["pending"] = "pending"
    total_images: int = Field(description="URLs in the good rows, every place counted.")
    total_rows: int = Field(description="Rows below the header.")
    failed_rows: int = Field(description="Rows left out in lenient mode; they are in the failures' sheet at the end.")
    repairs: list[Finding] = Field(description="What was mended in the sheet on the way in.")
    created_at: Moment
    status_url: Link
    events_url: Link
    results_url: Link
    input_csv_url: Link


class Progress(BaseModel):
    total: int
    done: int = Field(description="Images that succeeded.")
    failed: int
    percent: int = Field(ge=0, le=100, description="100·(done + failed) ∕ total, rounded down.")


class Delivery(BaseModel):
    """One notification, and how it goes."""

    id: Uuid = Field(description="The `webhook-id`, or the left part of the Message-ID: the same at every attempt.")
    kind: DeliveryKind
    target: str
    state: DeliveryState = Field(description="`failed`: given up. `leased`: being sent just now.")
    attempts: int
    last_answer: str | None
    next_attempt_at: Moment | None


class RequestSummary(BaseModel):
    """Where a request stands."""

    request_id: Uuid
    status: Status
    filename: str
    progress: Progress
    total_images: int
    no_img_compressed: int = Field(description="Images that succeeded, as `progress.done`.")
    failed_images: int
    total_rows: int
    failed_rows: int
    bytes_in: int = Field(description="Of the images that succeeded, before.")
    bytes_out: int = Field(description="Of the images that succeeded, after.")
    options: dict[str, str] = Field(description="As they were asked for; those left at their defaults are not here.")
    output_csv_url: Link | None = Field(description="The output sheet; null until the end.")
    csv_url: Link | None = Field(description="The same as `output_csv_url`.")
    failed_csv_url: Link | None = Field(description="The rows with failures; null until the end, and where there are none.")
    archive_url: Link | None = Field(description="A ZIP of sheet and images; null until the end.")
    input_csv_url: Link
    status_url: Link
    events_url: Link
    results_url: Link
    created_at: Moment
    completed_at: Moment | None


class RequestStatus(RequestSummary):
    """Where a request stands, all there is to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_COMPLETED,
                "repairs": [],
                "deliveries": [
                    _DELIVERED,
                ],
            }
        }
    )

    repairs: list[Finding]
    deliveries: list[Delivery]


class Requests(BaseModel):
    """A page of requests, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_COMPLETED], "next": None}})

    items: list[RequestSummary]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")


class ImageError(BaseModel):
    code: str
    message: str


class Image(BaseModel):
    """One image of a product. Sizes in bytes; width and height in pixels, as a viewer shows it."""

    position: int = Field(description="Its place among the product's images, from 1.")
    input_url: str
    output_url: str | None
    state: ImageState = Field(description="`kept`: nothing smaller could be made, so it is the original without its metadata.")
    error: ImageError | None
    bytes_in: int | None
    bytes_out: int | None
    width: int | None
    height: int | None
    format: str | None
    quality: int | None


class Product(BaseModel):
    """One row of the sheet."""

    row: int = Field(description="Counted from 1 below the header, blank lines left out.")
    serial: str
    product_name: str
    images: list[Image]


class Results(BaseModel):
    """A page of products, in the order of the sheet."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "row": 1,
                        "serial": "1",
                        "product_name": "Mug",
                        "images": [
                            {
                                "position": 1,
                                "input_url": "https://shop.example/mug.jpg",
                                "output_url": f"{_BASE}/image/4f1d9c0e7b2a6835-0c9e4b7d2f61a8350c9e4b7d.jpg",
                                "state": "done",
                                "error": None,
                                "bytes_in": 301_000,
                                "bytes_out": 128_000,
                                "width": 1200,
                                "height": 900,
                                "format": "jpeg",
                                "quality": 50,
                            },
                            {
                                "position": 2,
                                "input_url": "https://shop.example/gone.jpg",
                                "output_url": None,
                                "state": "failed",
                                "error": {"code": "not_found", "message": "not found (404)"},
                                "bytes_in": None,
                                "bytes_out": None,
                                "width": None,
                                "height": None,
                                "format": None,
                                "quality": None,
                            },
                        ],
                    }
                ],
                "next": None,
            }
        }
    )

    items: list[Product]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")


class Queued(BaseModel):
    """The notification will be sent again."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "request_id": ID,
                "message": "The webhook will be sent again.",
                "delivery": {**_DELIVERED, "state": "due", "attempts": 0, "next_attempt_at": "2026-03-01T12:30:00.000Z"},
            }
        }
    )

    request_id: Uuid
    message: str
    delivery: Delivery


class Health(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str
