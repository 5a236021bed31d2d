"""The simplest thing that keeps a state store's promises: dataclasses in memory, looked through from end to end every time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from halve.core.models import ImageResult, ImageState, Product, ProductState, Request, Status

CANCELLED = ImageResult(state=ImageState.CANCELLED, error_code="cancelled", error="cancelled")
OPEN = (ProductState.READY, ProductState.WAITING, ProductState.LEASED)


@dataclass
class ModelProduct:
    row: int
    results: tuple[ImageResult, ...]
    state: ProductState = ProductState.READY
    fence: int = 0
    lost: int = 0
    holder: str = ""
    due: float = 0.0

    def shown(self) -> tuple[ImageResult, ...]:
        if self.state is not ProductState.CANCELLED:
            return self.results
        return tuple(CANCELLED if result.state is ImageState.PENDING else result for result in self.results)


@dataclass
class ModelRequest:
    id: UUID
    products: list[ModelProduct]
    status: Status = Status.PENDING
    round: int = 0
    finished: bool = False
    deliveries: int = 0

    @property
    def open(self) -> int:
        return sum(product.state in OPEN for product in self.products)

    def counts(self) -> tuple[int, int, int, int]:
        """Done, failed, bytes in, bytes out. While it runs, failures of earlier rounds are to be tried again and not counted."""
        results = [result for product in self.products for result in product.results]
        done = [result for result in results if result.succeeded]
        failed = [r for r in results if r.state is ImageState.FAILED and (self.finished or r.round == self.round)]
        return len(done), len(failed), sum(r.bytes_in for r in done), sum(r.bytes_out for r in done)


@dataclass
class Model:
    now: float = 0.0
    requests: dict[UUID, ModelRequest] = field(default_factory=dict)

    def upload(self, request: Request, products: int, images: int) -> None:
        whole = [ModelProduct(row, (ImageResult(),) * images) for row in range(1, products + 1)]
        self.requests[request.id] = ModelRequest(request.id, whole)

    def count(self, state: ProductState) -> int:
        return sum(product.state is state for request in self.requests.values() for product in request.products)

    def claim(self, claimed: Product, holder: str, lease: float) -> None:
        """Take over what the store handed out, if it could."""
        request = self.requests[claimed.request_id]
        product = request.products[claimed.row - 1]
        assert product.state is ProductState.READY, "handed out what was not ready"
        product.state, product.holder, product.due = ProductState.LEASED, holder, self.now + lease
        product.fence += 1
        assert (claimed.fence, claimed.lost, claimed.round) == (product.fence, product.lost, request.round)
        assert (claimed.results, claimed.state) == (product.results, ProductState.LEASED)
        if request.status is Status.PENDING:
            request.status = Status.PROCESSING

    def leased(self, lease: Product) -> ModelProduct | None:
        """The product, if that lease still holds."""
        request = self.requests.get(lease.request_id)
        product = request.products[lease.row - 1] if request else None
        if product is None or product.state is not ProductState.LEASED or product.fence != lease.fence:
            return None
        return product

    def record(self, product: ModelProduct, results: tuple[ImageResult, ...], state: ProductState, delay: float) -> None:
        product.results, product.state = results, state
        if state is not ProductState.LEASED:
            product.holder, product.due = "", self.now + delay

    def renew(self, holder: str, lease: float) -> None:
        for product in self._leases(holder):
            product.due = self.now + lease

    def void(self, holder: str) -> int:
        voided = list(self._leases(holder))
        for product in voided:
            product.state, product.holder = ProductState.READY, ""
        return len(voided)

    def sweep(self) -> int:
        swept = 0
        for request in self.requests.values():
            for product in request.products:
                if product.due > self.now or product.state not in (ProductState.WAITING, ProductState.LEASED):
                    continue
                swept += 1
                if product.state is ProductState.LEASED:
                    self._lose(product)
                product.state = ProductState.READY
        return swept

    def finish(self, id: UUID, round: int) -> bool:
        request = self.requests[id]
        if request.finished or request.round != round or request.open:
            return False
        request.finished = True
        request.deliveries += 1
        if request.status is not Status.CANCELLED:
            request.status = Status.COMPLETED if request.counts()[0] else Status.FAILED
        return True

    def cancel(self, id: UUID) -> bool:
        request = self.requests[id]
        if request.finished or request.status is Status.CANCELLED:
            return False
        request.status = Status.CANCELLED
        for product in request.products:
            if product.state in OPEN:
                product.state = ProductState.CANCELLED
        return True

    def retry(self, id: UUID) -> bool:
        request = self.requests[id]
        again = [p for p in request.products if p.state in (ProductState.FAILED, ProductState.CANCELLED)]
        if not request.finished or not again:
            return False
        request.finished, request.status, request.round = False, Status.PROCESSING, request.round + 1
        for product in again:
            product.state, product.lost = ProductState.READY, 0
        return True

    def _leases(self, holder: str) -> list[ModelProduct]:
        every = (product for request in self.requests.values() for product in request.products)
        return [product for product in every if product.state is ProductState.LEASED and product.holder == holder]

    def _lose(self, product: ModelProduct) -> None:
        product.state, product.lost, product.holder = ProductState.READY, product.lost + 1, ""


def tried(result: ImageResult, new: ImageResult, round: int) -> ImageResult:
    """What a worker would record of an image: a success stays, so does what it has not come to; a new result is of this round."""
    return result if result.succeeded or new.state is ImageState.PENDING else replace(new, round=round)


def to_be_tried(result: ImageResult, round: int) -> bool:
    return not result.succeeded and (result.state is ImageState.PENDING or result.round < round)
