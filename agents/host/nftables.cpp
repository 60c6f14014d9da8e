#include "agents/host/nftables.hpp"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sstream>

#include "common/unique_fd.hpp"

namespace troop::agents {

void Nftables::Free::operator()(nft_ctx* context) const { nft_ctx_free(context); }

Result<Nftables> Nftables::open() {
  // The library ends the process where it cannot open its socket.
  const UniqueFd possible{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
  if (!possible) return system_error(ErrorKind::usage, "nftables", errno);
  std::unique_ptr<nft_ctx, Free> context{nft_ctx_new(NFT_CTX_DEFAULT)};
  if (!context) return system_error(ErrorKind::usage, "nftables", ENOMEM);
  return Nftables{std::move(context)};
}

Result<void> Nftables::run(const std::string& commands) {
  nft_ctx_buffer_output(context_.get());
  nft_ctx_buffer_error(context_.get());
  if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0) return success();
  const std::string complaint = nft_ctx_get_error_buffer(context_.get());
  return usage_error("nftables: " + complaint.substr(0, complaint.find('\n')));
}

Result<std::string> Nftables::list(const std::string& command) {
  BOOST_OUTCOME_TRY(run(command));
  return std::string{nft_ctx_get_output_buffer(context_.get())};
}

Result<std::vector<std::string>> Nftables::tables() {
  BOOST_OUTCOME_TRY(const auto text, list("list tables"));
  std::istringstream words{text};
  std::vector<std::string> names;
  for (std::string word, family, name; words >> word >> family >> name;) names.push_back(name);
  return names;
}

std::string fresh_table_name() {
  static std::atomic<int> last = 0;
  return "troop_" + std::to_string(getpid()) + "_" + std::to_string(++last);
}

Result<void> table_is_gone(const std::string& name) {
  BOOST_OUTCOME_TRY(auto fresh, Nftables::open());
  BOOST_OUTCOME_TRY(const auto names, fresh.tables());
  if (std::find(names.begin(), names.end(), name) == names.end()) return success();
  return Error{ErrorKind::unrestored, "nftables: the table " + name + " is still there"};
}

}  // namespace troop::agents
