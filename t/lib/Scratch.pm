package Scratch;

# Folders outside the checkout, for what a test writes. They go when it ends, and stay when it has failed.
#
#   my $folder = Scratch::folder('cluster');
#   Scratch::remove($folder);

use v5.36;

use File::Path ();
use File::Temp ();
use Test::More ();

my %made;      # by which process
my $failed;    # known once the test ends: Test::More is gone when the last objects go

END { $failed = $? || !Test::More->builder->is_passing }

sub folder ($purpose) {
    my $folder = File::Temp::tempdir("video-server-$purpose-XXXXXX", TMPDIR => 1);
    $made{$folder} = $$;
    return $folder;
}

# Removes folders with all that is in them, unless the test has failed: then it says where they are. A process
# that the test has forked removes nothing.
sub remove (@folders) {
    for my $folder (grep { ($made{$_} // $$) == $$ && -d } @folders) {
        if ($failed // !Test::More->builder->is_passing) {
            say STDERR "# kept: $folder";
        } else {
            File::Path::remove_tree($folder);
        }
    }
    return;
}

1;
