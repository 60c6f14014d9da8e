// Processes of a host that are no parts of the run: chosen, pinned, looked at again right before anything is done.
//
// A step on a host says which processes it means, a step on a part does not: that tells the two apart.
#pragma once

#include <optional>
#include <vector>

#include "agents/fault.hpp"
#include "agents/host/control_group.hpp"
#include "agents/host/process_selector.hpp"

namespace troop::agents {

/// Whether the step is about processes of a host.
bool selects_processes(const protocol::StepOrder& order);

/// What `order` selects, as far as it can be said without the table of processes. Blocks, for a container on its
/// engine: for three seconds at most. Errors: usage.
Result<Selector> selector_of(Parts& parts, const protocol::StepOrder& order);
/// The same, of a step that is known to be about a host: files, sockets and containers may have changed since.
Result<Selector> selector_now(const protocol::StepOrder& order);
/// This agent, and what the host's policy protects. Errors: usage.
Result<Protected> protected_here(const Parts& parts);
/// The processes of this host, with what the selector looks at.
std::vector<ProcessRow> table_for(const Selector& selector);

/// The step's choice as of now. Errors: usage; see choose().
Result<std::vector<ProcessRow>> chosen_now(Parts& parts, const protocol::StepOrder& order);

/// A record of this kind; the choice is made, and thrown away. Errors: usage.
Result<UndoRecord> plan_on_processes(Parts& parts, const protocol::StepOrder& order, std::string_view kind = "fault");
/// Writes the choice down as "processes". Errors: usage.
Result<void> look_at_processes(Parts& parts, const protocol::StepOrder& order, boost::json::object& state);
/// Pins what was written down, and makes sure that each still is what was chosen. Errors: lost; none was touched then.
Result<std::vector<Stranger>> pin(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// The control group whose traffic alone a step on a network means, where it names one or its victim is a part. Errors:
/// usage, where there is none, where none of its processes lives in this network, or one of them is protected.
Result<std::optional<ControlGroup>> control_group_of(Parts& parts, const protocol::StepOrder& order);

/// "pid 12 (worker), pid 13 (worker) and 3 more".
std::string told(const std::vector<Stranger>& processes);

}  // namespace troop::agents
