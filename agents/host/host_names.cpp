#include "agents/host/host_names.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "scenarios/model/value.hpp"

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

using Answer = Result<std::vector<ip::address>>;

std::optional<ip::address> address_in(const addrinfo& entry) {
  if (entry.ai_family == AF_INET) {
    sockaddr_in found{};
    std::memcpy(&found, entry.ai_addr, sizeof found);
    return ip::make_address_v4(ntohl(found.sin_addr.s_addr));
  }
  if (entry.ai_family != AF_INET6) return std::nullopt;
  sockaddr_in6 found{};
  std::memcpy(&found, entry.ai_addr, sizeof found);
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &found.sin6_addr, bytes.size());
  const ip::address_v6 address{bytes};  // without its zone, which packets do not carry
  if (address.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address);
  return address;
}

/// Sorted, each once.
Answer tidied(Answer answer) {
  if (answer.has_error()) return answer;
  auto& addresses = answer.value();
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return answer;
}

}  // namespace

struct Lookup {
  std::vector<std::string> names;  ///< As `resolve`: for the thread alone, once there is one.
  Resolve resolve;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Answer> answers;  ///< To the first names; all: it is over.
};

namespace {

/// Nullptr where there can be no thread.
std::shared_ptr<Lookup> ask(std::vector<std::string> names, Resolve resolve) {
  auto lookup = std::make_shared<Lookup>();
  lookup->names = std::move(names);
  lookup->resolve = std::move(resolve);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // the thread's: the agent's signals are for its loop
  try {
    std::thread{[lookup] {
      for (const auto& name : lookup->names) {
        auto answer = tidied(lookup->resolve(name));
        const std::lock_guard lock{lookup->mutex};
        lookup->answers.push_back(std::move(answer));
        lookup->changed.notify_all();
      }
    }}.detach();
  } catch (const std::system_error&) {
    lookup.reset();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return lookup;
}

}  // namespace

Result<std::vector<ip::address>> resolve_by_libc(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;  // each address once
  addrinfo* list = nullptr;
  if (const int failure = getaddrinfo(name.c_str(), nullptr, &wanted, &list); failure != 0) {
    return Error{ErrorKind::lost, gai_strerror(failure)};
  }
  std::vector<ip::address> addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (const auto address = address_in(*each)) addresses.push_back(*address);
  }
  freeaddrinfo(list);
  if (addresses.empty()) return Error{ErrorKind::lost, "it has no address"};
  return addresses;
}

Result<std::vector<NamedPeer>> resolved(const std::vector<std::string>& names, Duration patience, Resolve resolve) {
  if (names.empty()) return std::vector<NamedPeer>{};
  if (names.size() > names_max) {
    return usage_error(fmt::format("{} names, and at most {} are possible", names.size(), names_max));
  }
  const auto lookup = ask(names, std::move(resolve));
  if (lookup == nullptr) return usage_error("no thread to ask what names mean");
  std::unique_lock lock{lookup->mutex};
  const bool over = lookup->changed.wait_for(lock, patience, [&] { return lookup->answers.size() == names.size(); });
  std::vector<NamedPeer> peers;
  for (std::size_t i = 0; i < lookup->answers.size(); ++i) {
    const auto& answer = lookup->answers[i];
    if (answer.has_error()) {
      return usage_error(fmt::format("'{}' does not resolve: {}", names[i], answer.error().context));
    }
    if (answer.value().size() > addresses_max) {
      return usage_error(fmt::format("'{}' has {} addresses, and at most {} are possible", names[i],
                                     answer.value().size(), addresses_max));
    }
    peers.push_back({names[i], answer.value()});
  }
  if (over) return peers;
  return usage_error(
      fmt::format("'{}' does not resolve: no answer within {}", names[peers.size()], model::to_text(patience)));
}

NameWatch::NameWatch(const std::vector<NamedPeer>& known, std::int64_t now, Resolve resolve)
    : resolve_(std::move(resolve)), next_(now + interval.count()) {
  for (const auto& each : known) names_.push_back(each.name);
}

std::vector<NamedPeer> NameWatch::answers(std::int64_t now) {
  std::vector<NamedPeer> told;
  if (lookup_ != nullptr) {
    const std::lock_guard lock{lookup_->mutex};
    if (lookup_->answers.size() < names_.size()) return told;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto& answer = lookup_->answers[i];
      if (answer.has_value()) told.push_back({names_[i], answer.value()});
    }
  }
  if (lookup_ != nullptr) {
    lookup_.reset();
    next_ = now + interval.count();
  }
  if (!names_.empty() && now >= next_) lookup_ = ask(names_, resolve_);
  return told;
}

}  // namespace troop::agents
