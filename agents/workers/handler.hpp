// What a consumer does with one message: it works, and has its effect once, as far as its settings see to that.
#pragma once

#include "agents/workers/config.hpp"
#include "agents/workers/effects_table.hpp"
#include "agents/workers/recorder.hpp"
#include "agents/workers/ring.hpp"

namespace troop::agents {

class Handler {
 public:
  /// `effects` may be of no use (default-made) where nothing is to be remembered.
  Handler(const WorkerConfig& config, EffectsTable effects, RingWriter& ring, Recorder& recorder);

  enum class Outcome { done, failed, aborted };
  /// Tries as often as it may. Blocks while it works. Aborted: the process has to end now.
  Outcome handle(const Recorder::Delivery& delivery);

 private:
  [[nodiscard]] bool is_poison(const Recorder::Delivery& delivery) const;
  [[nodiscard]] bool work();
  void have_effect(const Recorder::Delivery& delivery);

  const model::Consume& consume_;
  std::size_t queue_;
  EffectsTable effects_;
  RingWriter& ring_;
  Recorder& recorder_;
};

}  // namespace troop::agents
