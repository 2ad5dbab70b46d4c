/// The two bodies a pipeline file can have. Parts of file.cc, apart for their size.
#pragma once

#include "submitter/pipeline/items.h"

namespace landseer::pipeline {

/// `pipeline:` of the registry and inline forms: fills the four stages.
void read_stages(const Node& pipeline, LoadContext& context);

/// `workflows:` of the native form: fills the workflows, each in an order in which it can run.
void read_workflows(const Node& workflows, LoadContext& context);

/// `comb_001` for 0; more digits when needed.
std::string workflow_name(std::size_t index);

}  // namespace landseer::pipeline
