// The evidence bundle: what the parts of a run said, and what is needed to play it again, in one folder that can be
// sent as it is.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "reports/formats/run_document.hpp"

namespace troop::controller {

/// Logs as the agent hands them over at the end, piece by piece. An agent is not trusted: what is not expected of it,
/// and what is too much, is dropped.
class Logs {
 public:
  /// Of a broker with so many nodes.
  explicit Logs(std::size_t nodes = 1);
  void take(std::string_view name, std::string_view bytes);
  /// Empty: it was never handed over.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  struct Expected {
    std::string name;   ///< "broker.log", "broker-2.log"; "broker-output.log" …
    std::string about;  ///< For people.
    bool is_log;        ///< What the broker logged; otherwise what it printed.
  };
  [[nodiscard]] const std::vector<Expected>& expected() const { return expected_; }

 private:
  std::vector<Expected> expected_;
  std::map<std::string, std::string, std::less<>> texts_;
};

/// The bundle's folder in the run directory.
inline constexpr std::string_view evidence_folder = "evidence";

/// Writes `directory`/evidence: the scenario as read, the logs (those that the agent and the workers wrote into
/// `directory` move there), facts.json (versions, seed, resolved victims, back ends) and manifest.json, which lists it
/// all and says what is missing. Credentials are taken out of logs, of which the last 4 MiB are kept. Errors: lost, the
/// first of them; the rest is written all the same. Blocks on the disk.
Result<void> keep_evidence(const std::filesystem::path& directory, const formats::RunDocument& document,
                           const Logs& logs);

}  // namespace troop::controller
