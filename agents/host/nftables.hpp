// nftables through libnftables. Everything happens in the network namespace of the calling thread; calls block for
// milliseconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"

struct nft_ctx;

namespace troop::agents {

/// A conversation with the kernel. What it made with `flags owner` ends with it, also when this process is killed.
class Nftables {
 public:
  /// Errors: usage, where this kernel has none.
  static Result<Nftables> open();

  /// Runs commands in one transaction: all of them or none. The text is nft's language and must be ours alone: numbers,
  /// addresses and names that we made up. Errors: usage.
  Result<void> run(const std::string& commands);
  /// What a `list …` command answers, in nft's language: Debian 12's library corrupts memory when it writes an owned
  /// table as JSON. Errors: usage.
  Result<std::string> list(const std::string& command);
  /// Names of the tables of all families.
  Result<std::vector<std::string>> tables();

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nftables(std::unique_ptr<nft_ctx, Free> context) : context_(std::move(context)) {}

  std::unique_ptr<nft_ctx, Free> context_;
};

/// A name that no other table of this machine has: "troop_PID_N".
std::string fresh_table_name();
/// Looks with fresh eyes. Errors: unrestored, where there is still such a table; else as Nftables.
Result<void> table_is_gone(const std::string& name);

}  // namespace troop::agents
