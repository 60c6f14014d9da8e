#include "agents/host/policy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "common/unique_fd.hpp"
#include "scenarios/model/faults/catalogue.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace ip = boost::asio::ip;
namespace {

constexpr std::size_t policy_bytes_max = 64 * 1024;
constexpr const char* usual_path = "/etc/troop/policy.json";
constexpr std::array<std::string_view, 5> actions{"start", "stop", "kill", "pause", "resume"};

Error wrong(std::string_view what) { return usage_error(std::string{what}); }

/// Nothing where there is no policy. A file that somebody named, or a link to nowhere, is missing.
Result<std::optional<std::string>> read_text(const std::string& path, bool named) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd) {
    const int failure = errno;
    if (failure == ENOENT && !named && lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::nullopt;
    return wrong(std::generic_category().message(failure));
  }
  if (fstat(fd.get(), &status) != 0) return wrong(std::generic_category().message(errno));
  const bool ours = S_ISREG(status.st_mode) && (status.st_uid == 0 || status.st_uid == geteuid());
  if (!ours || (status.st_mode & 022) != 0) {
    return wrong("it must belong to root or this user, and others must not write to it");
  }
  std::string text;
  std::array<char, 4096> bytes{};
  ssize_t got = 0;
  while ((got = read(fd.get(), bytes.data(), bytes.size())) > 0) {
    text.append(bytes.data(), static_cast<std::size_t>(got));
    if (text.size() > policy_bytes_max) return wrong("longer than 64 KiB");
  }
  if (got < 0) return wrong(std::generic_category().message(errno));
  return text;
}

std::size_t members(const json::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    count = object->size();
    for (const auto& member : *object) count += members(member.value());
  } else if (const auto* list = value.if_array()) {
    for (const auto& entry : *list) count += members(entry);
  }
  return count;
}

/// Every member has one colon, those within texts aside.
std::size_t colons(std::string_view text) {
  std::size_t count = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ':' && !quoted) {
      ++count;
    }
  }
  return count;
}

Result<std::string> text_of(const json::value& value) {
  const auto* text = value.if_string();
  if (text == nullptr) return wrong("is no text");
  return std::string{*text};
}

Result<std::vector<std::string>> texts_of(const json::value& value) {
  const auto* list = value.if_array();
  if (list == nullptr) return wrong("is no list");
  std::vector<std::string> out;
  for (const auto& entry : *list) {
    if (!entry.is_string()) return wrong("is no list of texts");
    out.emplace_back(entry.get_string());
  }
  return out;
}

Result<std::string> environment_of(const json::value& value) {
  BOOST_OUTCOME_TRY(auto name, text_of(value));
  const bool good = !name.empty() && name.size() <= 64 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!good) return wrong("is no name: 1 to 64 of a-z, 0-9 and -");
  return name;
}

/// A slip in `deny` would allow what it was meant to refuse.
Result<std::vector<std::string>> faults_of(const json::value& value) {
  BOOST_OUTCOME_TRY(auto names, texts_of(value));
  for (const auto& name : names) {
    const bool family = name.ends_with(".*");
    const auto known = [&](const model::FaultSpec& fault) {
      if (fault.composed) return false;  // no agent would ever be asked for it
      return family ? fault.name.starts_with(std::string_view{name}.substr(0, name.size() - 1)) : fault.name == name;
    };
    if (std::ranges::any_of(model::faults(), known)) continue;
    return wrong(fmt::format("names {}, which is neither a fault ('troop list faults') nor a family such as \"{}\"",
                             json::serialize(json::string{name}), "broker.*"));
  }
  return names;
}

Result<Duration> length_of(const json::value& value) {
  BOOST_OUTCOME_TRY(const auto text, text_of(value));
  std::int64_t number = 0;
  const auto [unit, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view name{unit, static_cast<std::size_t>(text.data() + text.size() - unit)};
  const std::int64_t seconds = name == "s" ? 1 : name == "m" ? 60 : name == "h" ? 3600 : 0;
  if (failure != std::errc{} || seconds == 0 || number < 1 || number > 86400 / seconds) {
    return wrong("is no whole number of s, m or h up to 24h, such as \"5m\"");
  }
  return Duration{std::chrono::seconds{number * seconds}};
}

Result<std::vector<std::uint16_t>> ports_of(const json::value& value) {
  const auto* list = value.if_array();
  if (list == nullptr) return wrong("is no list");
  std::vector<std::uint16_t> out;
  for (const auto& entry : *list) {
    const auto* port = entry.if_int64();
    if (port == nullptr || *port < 1 || *port > 65535) return wrong("is no list of ports, 1 to 65535");
    out.push_back(static_cast<std::uint16_t>(*port));
  }
  return out;
}

Result<Policy::Peers> peers_of(const std::string& written) {
  boost::system::error_code failure;
  const std::string_view text{written};
  const bool v4 = text.find(':') == std::string_view::npos;
  const std::string whole = text.find('/') != std::string_view::npos ? written : written + (v4 ? "/32" : "/128");
  ip::network_v6 network;
  if (v4) {
    const auto narrow = ip::make_network_v4(whole, failure);
    if (!failure) {
      network = {ip::make_address_v6(ip::v4_mapped, narrow.network()),
                 static_cast<unsigned short>(96 + narrow.prefix_length())};
    }
  } else {
    network = ip::make_network_v6(whole, failure);
  }
  if (failure) return wrong(json::serialize(json::string{written}) + " is neither an IP address nor a network");
  return Policy::Peers{written, network.canonical()};
}

Result<std::vector<Policy::Peers>> peer_list_of(const json::value& value) {
  BOOST_OUTCOME_TRY(const auto texts, texts_of(value));
  std::vector<Policy::Peers> out;
  for (const auto& text : texts) {
    BOOST_OUTCOME_TRY(auto peers, peers_of(text));
    out.push_back(std::move(peers));
  }
  return out;
}

/// As /proc tells them: a name with a folder, or one that is cut short, would protect nothing.
Result<std::vector<std::string>> process_names_of(const json::value& value) {
  BOOST_OUTCOME_TRY(auto names, texts_of(value));
  for (const auto& name : names) {
    if (!name.empty() && name.size() <= 255 && name.find('/') == std::string::npos) continue;
    return wrong(json::serialize(json::string{name}) + " is no name of a program, such as \"postgres\"");
  }
  return names;
}

Result<std::map<std::string, Policy::Actions>> commands_of(const json::value& value) {
  const auto* entries = value.if_object();
  if (entries == nullptr) return wrong("is no object");
  std::map<std::string, Policy::Actions> out;
  for (const auto& [entry, by_action] : *entries) {
    if (!by_action.is_object()) return wrong(fmt::format("'{}' is no object", std::string_view{entry}));
    for (const auto& [action, command] : by_action.get_object()) {
      const std::string where = fmt::format("'{}', '{}'", std::string_view{entry}, std::string_view{action});
      if (std::ranges::find(actions, std::string_view{action}) == actions.end()) {
        return wrong(where + " is none of start, stop, kill, pause, resume");
      }
      auto argv = texts_of(command);
      if (argv.has_error()) return std::move(argv).error().within(where);
      out[std::string{entry}][std::string{action}] = std::move(argv).value();
    }
  }
  return out;
}

template <class T, class Out>
Result<void> keep(Result<T> read, Out& out) {
  if (read.has_error()) return std::move(read).error();
  out = std::move(read).value();
  return success();
}

Result<void> take(Policy& policy, std::string_view key, const json::value& value) {
  if (key == "environment") return keep(environment_of(value), policy.environment);
  if (key == "allow") return keep(faults_of(value), policy.allow);
  if (key == "deny") return keep(faults_of(value), policy.deny);
  if (key == "longest") return keep(length_of(value), policy.longest);
  if (key == "protected_ports") return keep(ports_of(value), policy.protected_ports);
  if (key == "protected_peers") return keep(peer_list_of(value), policy.protected_peers);
  if (key == "protected_processes") return keep(process_names_of(value), policy.protected_processes);
  if (key == "commands") return keep(commands_of(value), policy.commands);
  return wrong("is no key of a policy");
}

Result<void> parse(const std::string& text, Policy& policy) {
  json::error_code failure;
  const json::value whole = json::parse(text, failure);
  if (failure) return wrong("no JSON: " + failure.message());
  if (!whole.is_object()) return wrong("no JSON object");
  if (colons(text) != members(whole)) return wrong("a key is given twice");  // the parser keeps the last one
  for (const auto& [key, value] : whole.get_object()) {
    auto taken = take(policy, key, value);
    if (taken.has_error()) return std::move(taken).error().within(fmt::format("'{}'", std::string_view{key}));
  }
  return success();
}

}  // namespace

Result<Policy> read_policy() {
  const char* chosen = std::getenv("TROOP_POLICY");
  const bool named = chosen != nullptr && *chosen != '\0';
  Policy policy;
  policy.path = named ? chosen : usual_path;
  const std::string where = "policy file " + policy.path;
  auto text = read_text(policy.path, named);
  if (text.has_error()) return std::move(text).error().within(where);
  if (!text.value()) return Policy{};
  auto parsed = parse(*text.value(), policy);
  if (parsed.has_error()) return std::move(parsed).error().within(where);
  return policy;
}

Result<std::vector<std::string>> named_command(const std::string& entry, const std::string& action) {
  BOOST_OUTCOME_TRY(const auto policy, read_policy());
  if (policy.path.empty()) return usage_error(fmt::format("there is no policy file {} with commands", usual_path));
  const std::string where = "policy file " + policy.path;
  const auto found = policy.commands.find(entry);
  if (found == policy.commands.end() || !found->second.contains(action)) {
    return usage_error(where + " has no command '" + entry + "' with '" + action + "'");
  }
  const auto& argv = found->second.at(action);
  if (argv.empty() || !argv.front().starts_with('/') || access(argv.front().c_str(), X_OK) != 0) {
    return usage_error(where + ": '" + entry + "', '" + action +
                       "' does not begin with the absolute path of a program");
  }
  return argv;
}

}  // namespace troop::agents
