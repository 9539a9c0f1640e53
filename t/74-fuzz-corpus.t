# The fuzz targets go through what they begin with and what they have found, see t/fuzz.

use v5.36;

use FindBin;
use Test::More;

my $build = $ENV{VS_BUILD} // 'build';
$build = "$FindBin::Bin/../$build" if $build !~ m{^/};

for my $folder (glob "$FindBin::Bin/fuzz/corpus/*") {
    my $name = $folder =~ s{.*/}{}r;
    my @files = glob "$folder/*";
    open my $output, '-|', "$build/replay/$name", @files or die "cannot run $build/replay/$name: $!\n";
    my $passed = grep { /^ok / } <$output>;
    ok close $output, "$name ends well";
    is $passed, scalar @files, 'and has read ' . @files . ' files';
}

done_testing;
