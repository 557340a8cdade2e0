<!DOCTYPE html>
<html lang="en">
<head><title>network.py</title></head>
<body>import mxnet</body>
</html>
