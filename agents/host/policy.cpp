#include "agents/host/policy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr std::size_t policy_bytes_max = 64 * 1024;

std::string policy_path() {
  const char* chosen = std::getenv("TROOP_POLICY");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/etc/troop/policy.json";
}

Result<std::string> read_policy(const std::string& path) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return system_error(ErrorKind::usage, "policy file " + path, errno);
  const bool ours = S_ISREG(status.st_mode) && (status.st_uid == 0 || status.st_uid == geteuid());
  if (!ours || (status.st_mode & 022) != 0) {
    return usage_error("policy file " + path + " must belong to root or this user, and others must not write to it");
  }
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = read(fd.get(), bytes.data(), bytes.size())) > 0;) {
    text.append(bytes.data(), static_cast<std::size_t>(got));
    if (text.size() > policy_bytes_max) return usage_error("policy file " + path + " is longer than 64 KiB");
  }
  return text;
}

const json::value* member(const json::value* value, std::string_view name) {
  const auto* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

}  // namespace

Result<std::vector<std::string>> named_command(const std::string& entry, const std::string& action) {
  const std::string path = policy_path();
  BOOST_OUTCOME_TRY(const auto text, read_policy(path));
  json::error_code failure;
  const json::value policy = json::parse(text, failure);
  if (failure) return usage_error("policy file " + path + " is no JSON: " + failure.message());
  const json::value* command = member(member(member(&policy, "commands"), entry), action);
  if (command == nullptr) {
    return usage_error("policy file " + path + " has no command '" + entry + "' with '" + action + "'");
  }
  std::vector<std::string> argv;
  if (const auto* list = command->if_array()) {
    for (const auto& argument : *list) {
      if (!argument.is_string()) return usage_error("policy file " + path + ": '" + entry + "' is no list of texts");
      argv.emplace_back(argument.get_string());
    }
  }
  if (argv.empty() || !argv.front().starts_with('/') || access(argv.front().c_str(), X_OK) != 0) {
    return usage_error("policy file " + path + ": '" + entry + "', '" + action +
                       "' does not begin with the absolute path of a program");
  }
  return argv;
}

}  // namespace troop::agents
