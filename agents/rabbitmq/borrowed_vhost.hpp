// The one vhost of an attached broker that a run works in: looked at before anything is touched, used, and left as it
// was found.
//
//   check    reads only: refuses a vhost that is not ours, and names that are taken. Nobody else's messages can then be
//            consumed, and nothing of others deleted
//   (the caller writes record() into the journal)
//   open     makes the vhost, where the run is to have one of its own
//   clear    deletes what the run declared, or the vhost that it made; proves that it is gone. Safe to repeat
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>

#include "agents/rabbitmq/management.hpp"
#include "common/error.hpp"
#include "scenarios/model/attach.hpp"

namespace troop::agents {

class BorrowedVhost {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  /// `user` is who the workers are, for the permissions on a new vhost. `mark` is in the description of a vhost that
  /// the run makes: one without it is not ours to delete.
  BorrowedVhost(ManagementApi api, std::string user, model::BrokerAttachment attachment, model::WorkloadNames names,
                std::string mark)
      : api_(std::move(api)),
        user_(std::move(user)),
        attachment_(std::move(attachment)),
        names_(std::move(names)),
        mark_(std::move(mark)) {}

  /// Errors: usage, saying what to do.
  Answer<void> check();
  /// Right after check(). Errors: lost.
  Answer<void> open();
  /// Tries for half a minute at most. Errors: unrestored.
  Answer<void> clear();

 private:
  Answer<void> check_existing();
  Answer<void> check_names(std::string kind, const std::vector<std::string>& ours);
  Answer<void> clear_once();
  Answer<void> clear_names();
  Answer<void> clear_all(std::string kind, const std::vector<std::string>& names);

  ManagementApi api_;
  std::string user_;
  model::BrokerAttachment attachment_;
  model::WorkloadNames names_;
  std::string mark_;
};

}  // namespace troop::agents
