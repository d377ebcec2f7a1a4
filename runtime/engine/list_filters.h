// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/name_pattern.h"
#include "runtime/image/image_store.h"

namespace ballast::engine {

// RFC 3339, seconds since 1970, or how long ago: "10m", "24h".
Result<Time> until_time(const std::string &text);

// --filter of `docker ps` and `docker container prune`. Several values of one name are alternatives, but labels have to
// hold all.
class ListFilter {
  public:
    // EINVAL "invalid filter 'x'" and for values that do not read. `find` gives the container that before and since
    // name.
    static Result<ListFilter> read(Filters filters, const std::function<Result<Snapshot>(const std::string &)> &find);

    bool names_states() const; // of containers that do not run
    bool needs_image() const { return filters_.contains("ancestor"); }
    bool matches(const Snapshot &container, const image::Image *image) const;

  private:
    Filters filters_;
    std::vector<NamePattern> names_;
    Time before_ = kNever, since_ = kNever, until_ = kNever;
};

} // namespace ballast::engine
