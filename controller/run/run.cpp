#include "controller/run/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <boost/version.hpp>
#include <csignal>

#include "agents/protocol/spawn.hpp"
#include "common/version.hpp"
#include "controller/run/evidence.hpp"
#include "reports/formats/formats.hpp"
#include "reports/formats/logs.hpp"
#include "reports/formats/series.hpp"
#include "reports/invariants/control.hpp"
#include "reports/invariants/judge.hpp"

namespace troop::controller {
namespace asio = boost::asio;
namespace {

void describe(formats::RunDocument& document, const RunRequest& request, const Provenance& provenance) {
  const auto& scenario = request.scenario;
  document.id = request.directory.filename().string();
  document.tool_version = version;
  document.scenario_name = scenario.name;
  document.scenario_title = scenario.title;
  document.hypothesis = scenario.hypothesis;
  document.tags = scenario.tags;
  document.scenario_path = provenance.scenario_path;
  document.scenario_text = provenance.scenario_text;
  document.overrides = provenance.overrides;
  document.seed = request.plan.seed;
  document.versions.insert(document.versions.begin(), {{"troop", version}, {"boost", BOOST_LIB_VERSION}});
}

/// Verdict, series and stories from the evidence on disk: what `troop verify` would say of it.
void judge_evidence(formats::RunDocument& document, const RunRequest& request) {
  const auto history = request.directory / "history.ndjson";
  auto judged = request.is_control ? invariants::judge_control(history, request.scenario.invariants)
                                   : invariants::judge(history, request.scenario.invariants);
  if (judged.has_error()) {
    document.problems.push_back("the history could not be judged: " + judged.error().context);
    return;
  }
  document.judged = std::move(judged).value();
  if (!request.control.empty()) {
    const auto control = invariants::judge_control(request.control, request.scenario.invariants);
    if (control.has_error()) {
      document.judged.verdict = std::max(document.judged.verdict, invariants::Verdict::inconclusive);
      document.problems.push_back("the control could not be judged: " + control.error().context);
    } else {
      invariants::weigh(document.judged, request.scenario.invariants, control.value());
    }
  }
  auto retold = formats::retell(history, document.judged);
  if (retold.has_error()) {
    document.problems.push_back("the history could not be retold: " + retold.error().context);
    return;
  }
  document.series = std::move(retold.value().series);
  document.depths = std::move(retold.value().depths);
  document.stories = std::move(retold.value().stories);
}

bool ignored(int signal_number) {
  struct sigaction current {};
  return sigaction(signal_number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

int exit_code_for(bool unrestored, int signal_number, invariants::Verdict verdict) {
  if (unrestored) return 4;
  if (signal_number != 0) return 128 + signal_number;
  switch (verdict) {
    case invariants::Verdict::pass:
      return 0;
    case invariants::Verdict::fail:
      return 1;
    case invariants::Verdict::inconclusive:
      return 3;
  }
  return 3;
}

RunOutcome run(const RunRequest& request, const Provenance& provenance, Progress& progress) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a full disk: an error, not an end
  asio::io_context io{1};
  Experiment experiment{io, request, progress};
  asio::signal_set signals{io, SIGINT, SIGTERM};
  if (!ignored(SIGHUP)) signals.add(SIGHUP);  // nohup means it
  const auto on_signal = [&experiment](const boost::system::error_code& cancelled, int number) {
    if (!cancelled) experiment.interrupt(number);
  };
  signals.async_wait(on_signal);  // the set stays registered: a second Ctrl-C cannot end the undoing
  const auto conduct = [](Experiment& of, asio::signal_set& ending) -> asio::awaitable<void> {
    co_await of.run();
    ending.cancel();
  };
  protocol::spawn(io, conduct(experiment, signals));
  io.run();

  RunOutcome outcome;
  if (experiment.refusal()) {
    outcome.exit_code = experiment.unrestored() ? 4 : 2;
    outcome.refusal = experiment.refusal()->context;
    return outcome;
  }
  outcome.document = std::move(experiment.document());
  describe(outcome.document, request, provenance);
  if (request.rehearse) {
    outcome.exit_code = exit_code_for(experiment.unrestored(), experiment.signal_number(), invariants::Verdict::pass);
    return outcome;
  }
  auto& document = outcome.document;
  for (const auto& log : experiment.logs().expected()) {
    if (!log.is_log) continue;
    auto found = formats::excerpts(experiment.logs().text(log.name), fmt::format("{}/{}", evidence_folder, log.name),
                                   document.faults, document.length, document.started_wall_ns);
    std::ranges::move(found, std::back_inserter(document.excerpts));
  }
  const auto kept = keep_evidence(request.directory, outcome.document, experiment.logs());
  if (kept.has_error()) outcome.document.problems.push_back("evidence was lost: " + kept.error().context);
  judge_evidence(outcome.document, request);
  outcome.exit_code =
      exit_code_for(experiment.unrestored(), experiment.signal_number(), outcome.document.judged.verdict);
  if (kept.has_error() && outcome.exit_code < 3) outcome.exit_code = 3;  // a disk was lost
  outcome.document.exit_code = outcome.exit_code;
  if (auto written = formats::write(outcome.document, request.directory); written.has_error()) {
    outcome.document.problems.push_back("the report could not be written: " + written.error().context);
    if (outcome.exit_code < 3) outcome.exit_code = outcome.document.exit_code = 3;  // a disk was lost
  }
  return outcome;
}

}  // namespace troop::controller
