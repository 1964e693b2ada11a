"""AWS VPC flow logs as Parquet, the form in which S3 keeps them cheapest. Columns are those of the text form."""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.sight import Sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.vpc_arrow import Batch
from fairway.hub.importers.vpc_columns import VpcColumns, canonical
from fairway.kit.errors import UsageError

MAGIC = b"PAR1"
ROWS = 1 << 16


def parquet_sights(file: BinaryIO, ends: Ends, tally: Tally) -> Iterator[Sights]:
    """The file's records, a batch at a time; UsageError if it is no such file."""
    if not file.seekable():
        raise UsageError(f"{tally.path}: Parquet cannot be read from a pipe; give the file")
    file.seek(0)
    try:
        parquet = pq.ParquetFile(file)
        if not {"srcaddr", "pkt-srcaddr"} & set(map(canonical, parquet.schema_arrow.names)):
            raise UsageError(f"{tally.path}: this Parquet file holds no VPC flow log: it has no column `srcaddr`")
        columns = VpcColumns(ends, tally)
        fields = [canonical(name) for name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(batch_size=ROWS):
            first = tally.lines + 1
            tally.lines += len(batch)
            yield columns.sights(Batch(batch, fields), range(first, first + len(batch)))
    except pa.ArrowException as error:
        raise UsageError(f"{tally.path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
