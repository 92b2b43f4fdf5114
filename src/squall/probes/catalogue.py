"""Which class carries out which specification."""

from __future__ import annotations

from squall.models import (
    AuditTrail,
    ConfidenceDrift,
    ExpiredRecords,
    Explanations,
    HistoryQueries,
    Invocations,
    ObjectWrites,
    ProbeSpec,
    ProfileConsistency,
    StreamRecords,
    TableOperations,
)
from squall.probes.audit_trail import AuditTrailProbe
from squall.probes.confidence_drift import ConfidenceDriftProbe
from squall.probes.expired_records import ExpiredRecordsProbe
from squall.probes.explanations import ExplanationsProbe
from squall.probes.history_queries import HistoryQueriesProbe
from squall.probes.invocations import InvocationsProbe
from squall.probes.object_writes import ObjectWritesProbe
from squall.probes.probe import Probe
from squall.probes.profile_consistency import ProfileConsistencyProbe
from squall.probes.stream_records import StreamRecordsProbe
from squall.probes.table_operations import TableOperationsProbe
from squall.targets.installation import Installation


def make_probe(spec: ProbeSpec, installation: Installation, seed: int) -> Probe:
    """The probe that a specification describes, for a target's parts.

    Raises:
        ConfigurationError: the target lacks what the probe needs.
    """
    match spec:
        case HistoryQueries():
            return HistoryQueriesProbe(spec, installation, seed)
        case ProfileConsistency():
            return ProfileConsistencyProbe(spec, installation, seed)
        case AuditTrail():
            return AuditTrailProbe(spec, installation)
        case ExpiredRecords():
            return ExpiredRecordsProbe(spec, installation, seed)
        case StreamRecords():
            return StreamRecordsProbe(spec, installation, seed)
        case TableOperations():
            return TableOperationsProbe(spec, installation, seed)
        case ObjectWrites():
            return ObjectWritesProbe(spec, installation, seed)
        case Invocations():
            return InvocationsProbe(spec, installation, seed)
        case Explanations():
            return ExplanationsProbe(spec, installation)
        case ConfidenceDrift():
            return ConfidenceDriftProbe(spec, installation)
        case _:
            raise NotImplementedError(spec.type)
