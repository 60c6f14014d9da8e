// What a run tells whoever watches it.
#pragma once

#include <optional>
#include <string>

#include "common/clock.hpp"
#include "controller/run/recorder.hpp"

namespace troop::controller {

class Progress {
 public:
  virtual ~Progress() = default;
  /// A phase begins: "start broker", "steady state", "experiment" …
  virtual void phase(const std::string& name) = 0;
  /// Something happened that a watcher wants to see at once: a fault, a problem.
  virtual void note(const std::string& text) = 0;
  /// Some times a second. `left`: what remains of the phase, where that is known.
  virtual void tick(const std::string& phase, std::optional<Duration> left, const Counts& counts) = 0;
};

}  // namespace troop::controller
