// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/image_release.h"

#include "tests/vm/image/guest.h"

namespace ballast::vm {

namespace fs = std::filesystem;

Release release_beside_the_image() {
    const BuildRecord record = build_record();
    const fs::path repository = image_options().image.parent_path().parent_path() / "repo";
    if (!fs::exists(repository / "config")) {
        SKIP(repository.string() + " is not there; make it with ./dev image");
    }
    return must(Release::create(repository, record.commit, record.ref));
}

} // namespace ballast::vm
