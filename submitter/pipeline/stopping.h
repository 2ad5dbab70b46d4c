/// `stop_after` and `stop_when` of a pipeline file. Normative text: docs/pipelines.md, "Stopping
/// early".
#pragma once

#include "submitter/pipeline/items.h"

namespace landseer::pipeline {

void read_stopping(Fields& top, LoadContext& context);

/// Once everything is read: warns of rules that can never hold.
void check_stopping(Fields& top, LoadContext& context);

}  // namespace landseer::pipeline
