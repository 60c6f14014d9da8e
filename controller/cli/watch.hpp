// What a person sees while a run goes on: one line that changes on a terminal, plain timestamped lines elsewhere.
#pragma once

#include <memory>

#include "controller/run/progress.hpp"

namespace troop::controller {

/// Writes to standard error: standard output is for results.
std::unique_ptr<Progress> make_progress(bool terminal);

}  // namespace troop::controller
