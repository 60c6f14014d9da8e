// What faults, probes and invariants exist, as data: the reader, `plan`, `list` and the schema need no more than this.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/clock.hpp"

namespace troop::model {

enum class ParameterType { boolean, integer, number, duration, text, choice, text_list };

struct Parameter {
  std::string_view name;
  ParameterType type = ParameterType::text;
  std::string_view what;           ///< One line, with the unit.
  std::string_view fallback = {};  ///< As written in a scenario; empty: none.
  bool required = false;
  std::vector<std::string_view> choices = {};  ///< For `choice`, and the allowed entries of a `text_list`.
  std::optional<double> minimum = {};          ///< Inclusive; seconds for a duration.
  std::optional<double> maximum = {};
};

/// What a step can break. Beyond `parameters` every fault takes `at`, `target` and (see `period`) `for`.
struct FaultSpec {
  enum class Period { required, optional, none };
  std::string_view name;                        ///< "broker.stop"
  std::string_view summary;                     ///< One line: what happens to the target.
  std::vector<std::string_view> targets;        ///< Kinds of target: broker, producer, consumer, host, local, zone.
  Period period = Period::required;             ///< Whether `for` may or must be given.
  std::string_view back_end;                    ///< How it is done on this platform.
  std::string_view proof;                       ///< How its effect is measured.
  std::string_view undo;                        ///< How it is put back.
  std::vector<std::string_view> irreversible;   ///< Effects that undo cannot take back; reported, not hidden.
  std::vector<std::string_view> client_sees;    ///< What a client of the broker is expected to notice.
  Duration undo_max = std::chrono::seconds{2};  ///< The longest that undo may take.
  std::vector<Parameter> parameters = {};
  /// On a host: where agent and guardian are both killed, it stays in force until the next agent starts, or somebody
  /// runs `troop-agent undo --all`. A scenario has to accept that by name.
  bool outlives_agent = false;
  bool on_each_node = false;  ///< Can be done to a cluster: its target is one node, such as "broker-2".
  bool composed = false;      ///< Made of other faults by the plan; agents do not know it.
};

/// Something that measures the steady state.
struct ProbeSpec {
  std::string_view name;
  std::string_view summary;
  std::vector<Parameter> measures;  ///< What a tolerance may bound: number (ratio) or duration.
  std::vector<Parameter> parameters = {};
};

/// Something that judges a history.
struct InvariantEntry {
  std::string_view kind;
  std::string_view summary;
  std::vector<std::string_view> anomalies;  ///< Its anomalies by name; what `expect` may list.
  std::vector<Parameter> parameters = {};   ///< Beyond `kind` and `expect`.
};

struct Catalogue {
  std::vector<FaultSpec> faults;
  std::vector<ProbeSpec> probes;
  std::vector<InvariantEntry> invariants;
};

}  // namespace troop::model
