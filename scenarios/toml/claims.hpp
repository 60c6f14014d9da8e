// What a scenario says that cannot be, though each of its keys is right: steps that hit each other, targets that do not
// exist, and claims that the settings cannot keep. Knows no TOML.
//
// A claim is refused when the settings break it without any bug, under the faults of this very scenario, unless
// `expect` names the anomaly. The reasons follow RabbitMQ's documentation; scenarios/README.md lists them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::scenarios {

struct Refusal {
  std::string path;  ///< The key at fault: "step.1.target", "invariant.0.guarantee".
  std::string message;
};

/// Whether nothing is wrong so far with the key at that path: nothing is concluded from what was not understood.
using Sound = std::function<bool(std::string_view path)>;

/// `scenario` in the order of the file.
std::vector<Refusal> refusals(const model::Scenario& scenario, const model::Catalogue& catalogue, const Sound& sound);

}  // namespace troop::scenarios
