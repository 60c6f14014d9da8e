#include "controller/run/evidence.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "agents/protocol/frame.hpp"
#include "reports/formats/formats.hpp"
#include "reports/formats/json_text.hpp"
#include "reports/formats/logs.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> written_here{
    {{"agent.log", "what the agent complained of"}, {"workers.log", "what producers and consumers complained of"}}};

/// Up to the last 4 MiB of a file; empty where there is none.
std::string end_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  if (!file || size <= 0) return {};
  const auto wanted = std::min<std::streamoff>(size, static_cast<std::streamoff>(protocol::log_bytes_max));
  file.seekg(size - wanted);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  file.read(text.data(), wanted);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (wanted < size) text.erase(0, text.find('\n') + 1);
  return text;
}

std::string facts(const formats::RunDocument& document) {
  json::object versions{{"troop", document.tool_version}};
  if (!document.broker_kind.empty()) versions[document.broker_kind] = document.broker_version;
  for (const auto& [name, version] : document.versions) versions[name] = version;
  versions["kernel"] = document.host_kernel;
  json::array faults;
  for (const auto& fault : document.faults) {
    json::object one{{"step", fault.step},     {"name", fault.name},         {"target", fault.target},
                     {"victim", fault.victim}, {"back_end", fault.back_end}, {"outcome", fault.outcome}};
    one["victim_pid"] = fault.victim_pid > 0 ? json::value(fault.victim_pid) : json::value();
    faults.push_back(std::move(one));
  }
  json::array overrides;
  for (const auto& one : document.overrides) overrides.emplace_back(one);
  json::object out{{"run", document.id}, {"scenario", document.scenario_name}, {"seed", document.seed}};
  out["overrides"] = std::move(overrides);
  out["host"] = {{"name", document.host_name}, {"cpus", document.host_cpus}};
  out["started_wall_ns"] = document.started_wall_ns;
  out["versions"] = std::move(versions);
  out["faults"] = std::move(faults);
  return formats::pretty(out) + "\n";
}

/// Writes the bundle's files and remembers them for the manifest.
class Bundle {
 public:
  explicit Bundle(fs::path folder) : folder_(std::move(folder)) {}

  bool add(std::string_view name, std::string_view about, const std::string& text) {
    auto written = formats::write_file(folder_ / name, text);
    if (!written) {
      miss(name, written.error().context);
      if (!failure_) failure_ = std::move(written).error();
      return false;
    }
    files_.push_back({{"name", name}, {"bytes", text.size()}, {"about", about}});
    return true;
  }
  void miss(std::string_view name, std::string_view why) { missing_.push_back({{"name", name}, {"why", why}}); }

  Result<void> finish(const formats::RunDocument& document) {
    json::object manifest{{"schema", 1}, {"run", document.id}};
    manifest["files"] = std::move(files_);
    manifest["missing"] = std::move(missing_);
    manifest["beside"] = json::array{"history.ndjson", "run.json"};
    auto written = formats::write_file(folder_ / "manifest.json", formats::pretty(manifest) + "\n");
    if (failure_) return *std::move(failure_);
    return written;
  }

 private:
  fs::path folder_;
  json::array files_;
  json::array missing_;
  std::optional<Error> failure_;
};

}  // namespace

Logs::Logs(std::size_t nodes) {
  for (std::size_t number = 1; number <= nodes; ++number) {
    const std::string node = model::node_name(number);
    const std::string who = number == 1 ? "the broker" : node;
    expected_.push_back({node + ".log", "what " + who + " logged", true});
    expected_.push_back({node + "-output.log", "what " + who + " printed", false});
  }
}

void Logs::take(std::string_view name, std::string_view bytes) {
  if (std::ranges::find(expected_, name, &Expected::name) == expected_.end()) return;
  std::string& text = texts_[std::string{name}];
  text.append(bytes.substr(0, protocol::log_bytes_max - std::min(protocol::log_bytes_max, text.size())));
}

std::string_view Logs::text(std::string_view name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? std::string_view{} : std::string_view{found->second};
}

Result<void> keep_evidence(const fs::path& directory, const formats::RunDocument& document, const Logs& logs) {
  const fs::path folder = directory / evidence_folder;
  std::error_code failure;
  fs::create_directory(folder, failure);
  if (failure) return Error{ErrorKind::lost, "cannot make " + folder.string() + ": " + failure.message()};
  fs::permissions(folder, fs::perms::owner_all, failure);  // logs tell more about a host than a report does
  Bundle bundle{folder};
  bundle.add("scenario.toml", "the scenario as read", document.scenario_text);
  bundle.add("facts.json", "versions, seed, resolved victims and back ends", facts(document));
  for (const auto& log : logs.expected()) {
    const std::string_view text = logs.text(log.name);
    if (text.empty()) {
      bundle.miss(log.name, "the agent did not hand it over");
    } else {
      bundle.add(log.name, log.about, formats::without_credentials(text));
    }
  }
  for (const auto& [name, about] : written_here) {
    const std::string text = formats::without_credentials(end_of(directory / name));
    if (bundle.add(name, about, text)) fs::remove(directory / name, failure);
  }
  return bundle.finish(document);
}

}  // namespace troop::controller
