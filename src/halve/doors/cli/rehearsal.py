"""`halve run --dry-run`: the sheet is read, what is wrong and what would be done is said, nothing is fetched or written."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from urllib.parse import urlsplit

from halve.core.sheet import open_sheet
from halve.core.sizes import number
from halve.doors.cli.endings import print_json
from halve.doors.cli.findings import show_findings
from halve.doors.cli.job import Job
from halve.doors.cli.terminal import err, out, printable
from halve.settings import Settings
from halve.wiring import sheet_limits

HOSTS_SHOWN = 5


def rehearse(job: Job, settings: Settings, *, as_json: bool) -> None:
    """Raises SheetRefused as the run itself would."""
    hosts: Counter[str] = Counter()
    with open_sheet(job.sheet, job.sheet.name, job.reading, sheet_limits(settings)) as sheet:
        for row in sheet.rows():
            hosts.update(urlsplit(url).netloc for url in row.input_urls)
        sheet.check()
    if as_json:
        print_json(
            {
                "dry_run": True,
                "total_rows": sheet.total_rows,
                "failed_rows": sheet.failed_rows,
                "total_images": sheet.total_images,
                "findings": [asdict(finding) for finding in sheet.findings],
                "repairs": [asdict(finding) for finding in sheet.repairs],
                "output_dir": str(job.folder),
            }
        )
        return
    if sheet.repairs:
        show_findings(sheet.repairs, title="Mended while reading")
    if sheet.findings:
        show_findings(sheet.findings, title="Rows that would be left out")
    good = sheet.total_rows - sheet.failed_rows
    out().print(
        f"Would fetch {number(sheet.total_images, 'image')} of {number(good, 'product')} and write {job.folder}/output.csv.",
        markup=False,
    )
    for host, count in hosts.most_common(HOSTS_SHOWN):
        out().print(f"  {number(count, 'image')} from {printable(host)}", markup=False)
    if len(hosts) > HOSTS_SHOWN:
        err().print(f"  … and from {number(len(hosts) - HOSTS_SHOWN, 'other host')}")
