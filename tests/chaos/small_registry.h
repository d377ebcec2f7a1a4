// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/http/server.h"

namespace ballast::chaos {

// A registry on a free port of 127.0.0.1 with images of random layers, of which neighbours share some. It serves slowly
// enough for a kill to come in between.
class SmallRegistry {
  public:
    static Result<SmallRegistry> start(int images, unsigned seed);
    std::string name(int image) const; // as `docker pull` takes it

  private:
    struct Document {
        std::string type, text;
    };
    using Documents = std::map<std::string, Document>; // by target
    SmallRegistry() = default;
    static void serve(http::Exchange &exchange, const Documents &documents);

    std::string address_;
    std::unique_ptr<Documents> documents_ = std::make_unique<Documents>();
    std::optional<http::Server> server_; // last: it reads the rest
};

} // namespace ballast::chaos
