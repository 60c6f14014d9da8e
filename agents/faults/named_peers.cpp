#include "agents/faults/named_peers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troop::agents {
namespace {

std::string told_of(const NamedPeer& peer) {
  std::vector<std::string> addresses;
  for (const auto& each : peer.addresses) addresses.push_back(each.to_string());
  return fmt::format("{} is {}", peer.name, fmt::join(addresses, ", "));
}

}  // namespace

NamedPeers::NamedPeers(std::vector<NamedPeer> known, std::int64_t now, Resolve resolve)
    : known_(std::move(known)), first_(known_), later_(known_.size()), watch_(known_, now, std::move(resolve)) {}

void NamedPeers::follow(std::int64_t now, const Take& take) {
  for (const auto& answer : watch_.answers(now)) {
    const auto found = std::ranges::find(known_, answer.name, &NamedPeer::name);
    auto& later = later_[static_cast<std::size_t>(found - known_.begin())];
    for (const auto& address : answer.addresses) {
      if (std::ranges::find(found->addresses, address) != found->addresses.end()) continue;
      if (found->addresses.size() >= addresses_max) {
        ++later.too_many;
        break;
      }
      found->addresses.push_back(address);
      const auto taken = take(address);
      if (taken.has_value()) {
        later.added.push_back(address.to_string());
      } else {
        later.left_out.push_back(fmt::format("{} ({})", address.to_string(), taken.error().context));
      }
    }
  }
}

std::string NamedPeers::told() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < first_.size(); ++i) {
    const auto& later = later_[i];
    auto text = told_of(first_[i]);
    if (!later.added.empty()) text += fmt::format(", and later {}", fmt::join(later.added, ", "));
    if (!later.left_out.empty()) text += fmt::format("; left out: {}", fmt::join(later.left_out, ", "));
    if (later.too_many > 0) text += fmt::format("; left out: what is beyond {} addresses", addresses_max);
    all.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

std::string told_of(const std::vector<NamedPeer>& names) {
  std::vector<std::string> all;
  for (const auto& each : names) all.push_back(told_of(each));
  return fmt::format("{}", fmt::join(all, "; "));
}

}  // namespace troop::agents
