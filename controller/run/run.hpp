// A whole run: experiment, verdict, documents.
#pragma once

#include <string>
#include <vector>

#include "controller/run/experiment.hpp"
#include "reports/formats/run_document.hpp"

namespace troop::controller {

/// What the caller knows about where the scenario came from; goes into the report.
struct Provenance {
  std::string scenario_path;
  std::string scenario_text;
  std::vector<std::string> overrides;
};

struct RunOutcome {
  int exit_code = 3;    ///< As documented for every command.
  std::string refusal;  ///< Exit 2: why nothing was touched.
  formats::RunDocument document;
};

/// Blocks until the run is over; SIGINT, SIGTERM and SIGHUP end it early and undo everything. Writes history.ndjson,
/// run.json and report.html into the run directory. Never throws for what happens to the run.
RunOutcome run(const RunRequest& request, const Provenance& provenance, Progress& progress);

/// The documented exit code: what could not be restored wins, then the signal, then the verdict.
int exit_code_for(bool unrestored, int signal_number, invariants::Verdict verdict);

}  // namespace troop::controller
