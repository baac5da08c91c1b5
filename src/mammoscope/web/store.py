"""What is remembered of studies: one row each in a database, and the marks a reader drew.

No name of a patient or file is in it; what a study shows lies in a folder of its own (see
`mammoscope.web.kept`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args

from sqlalchemy import JSON, ForeignKey, create_engine, delete, event, func, select, update
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

Verdict = Literal["agree", "disagree", "missed"]
Label = Literal["benign", "malignant", "suspicious", "missed"]
Order = Literal["malignancy", "created"]
VERDICTS = get_args(Verdict)


class Base(DeclarativeBase):
    """Of all tables."""


class StudyRow(Base):
    """One exam that was judged.

    Attributes:
        number: counts studies, for a label that says nothing of the patient.
        malignancy: what the worklist is sorted by; None if nothing could be judged.
        summary: the other figures of the worklist.
    """

    __tablename__ = "studies"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's way

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    created: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)
    malignancy: Mapped[float | None] = mapped_column(index=True)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)
    verdict: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    marks: Mapped[list[MarkRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="MarkRow.created"
    )


class MarkRow(Base):
    """A box that a reader drew on an image, source pixels."""

    __tablename__ = "marks"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid.uuid4().hex)
    study: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), index=True)
    image: Mapped[int]
    box_px: Mapped[list[float]] = mapped_column(JSON)
    label: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime]


class Store:
    """The database; every method is one transaction and may be called from any thread."""

    def __init__(self, url: str, keep_days: float) -> None:
        self.engine = create_engine(url)
        if url.startswith("sqlite"):
            event.listen(self.engine, "connect", _prepare_sqlite)
        Base.metadata.create_all(self.engine)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._keep = timedelta(days=keep_days)

    def add(self, identifier: str, malignancy: float | None, summary: Mapping[str, Any]) -> None:
        """Remember a study that was judged."""
        now = _now()
        with self._begin() as session:
            row = StudyRow(
                id=identifier,
                created=now,
                expires=now + self._keep,
                malignancy=malignancy,
                summary=dict(summary),
                note="",
            )
            session.add(row)

    def study(self, identifier: str) -> StudyRow | None:
        """A study with its marks; None if there is none, or it has expired."""
        with self._begin() as session:
            query = select(StudyRow).options(selectinload(StudyRow.marks))
            return session.scalar(query.where(StudyRow.id == identifier, StudyRow.expires > _now()))

    def studies(self, order: Order = "malignancy") -> Sequence[StudyRow]:
        """All that have not expired: the most suspicious, or the newest, first."""
        first = StudyRow.malignancy.desc().nulls_last() if order == "malignancy" else None
        newest = StudyRow.number.desc()
        orders = [newest] if first is None else [first, newest]
        query = select(StudyRow).options(selectinload(StudyRow.marks))
        with self._begin() as session:
            return session.scalars(query.where(StudyRow.expires > _now()).order_by(*orders)).all()

    def judge(self, identifier: str, verdict: Verdict | None, note: str) -> None:
        """Write down what a reader says of a study."""
        with self._begin() as session:
            query = update(StudyRow).where(StudyRow.id == identifier)
            session.execute(query.values(verdict=verdict, note=note))

    def mark(
        self, study: str, image: int, box_px: Sequence[float], label: Label, note: str
    ) -> MarkRow:
        """Write down a reader's box."""
        row = MarkRow(
            study=study,
            image=image,
            box_px=[float(value) for value in box_px],
            label=label,
            note=note,
            created=_now(),
        )
        with self._begin() as session:
            session.add(row)
        return row

    def unmark(self, study: str, mark: str) -> bool:
        """Delete a reader's box; False if there is none."""
        with self._begin() as session:
            query = delete(MarkRow).where(MarkRow.id == mark, MarkRow.study == study)
            return bool(cast("Any", session.execute(query)).rowcount)

    def remove(self, identifier: str) -> bool:
        """Forget a study and its marks; False if there is none."""
        with self._begin() as session:
            query = delete(StudyRow).where(StudyRow.id == identifier)
            return bool(cast("Any", session.execute(query)).rowcount)

    def expire(self) -> list[str]:
        """Forget the studies whose time has come; returns which."""
        with self._begin() as session:
            query = select(StudyRow.id).where(StudyRow.expires <= _now())
            gone = list(session.scalars(query))
            session.execute(delete(StudyRow).where(StudyRow.id.in_(gone)))
        return gone

    def count(self) -> int:
        """How many studies are kept."""
        with self._begin() as session:
            return session.scalar(select(func.count(StudyRow.number))) or 0

    def known(self) -> set[str]:
        """All studies, expired ones too."""
        with self._begin() as session:
            return set(session.scalars(select(StudyRow.id)))

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[Session]:
        with self._sessions.begin() as session:
            yield session


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers do not wait for the writer, and deleting a study deletes its marks."""
    cursor = connection.cursor()
    for line in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def _now() -> datetime:
    """UTC without its name: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)


def iso(moment: datetime) -> str:
    """A moment of the database as ISO 8601 in UTC, whole seconds."""
    return moment.replace(microsecond=0, tzinfo=UTC).isoformat().replace("+00:00", "Z")
